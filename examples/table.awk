# SPDX-License-Identifier: BSD-3-Clause
# The columns of encode-eval's TSV that one reads first, aligned; ROIs that several models
# were compared in, where there are any.
BEGIN { FS = "\t" }
NR == 1 {
    for (i = 1; i <= NF; ++i) at[$i] = i
    printf "%-7s %-5s %-8s %6s  %-12s %7s %8s %9s %8s %18s %7s%s\n", "subject", "hemi", "ROI", "voxels", "model", "mean r",
        "ceiling", "improved", "gain", "95 % interval", "p", "  optimistic"
    next
}
function cell(name, format) { return $at[name] == "nan" ? "-" : sprintf(format, $at[name]) }
{
    interval = $at["difference"] == "nan" ? "-" : sprintf("%+.3f … %+.3f", $at["difference_low"], $at["difference_high"])
    key = $at["subject"] $at["hemisphere"] $at["roi_class"] $at["roi"]
    if (++rows[key] > most) most = rows[key]
    region[++n] = key
    text[n] = sprintf("%-7s %-5s %-8s %6s  %-12s %7s %8s %9s %8s %18s %7s  %s", $at["subject"], $at["hemisphere"], $at["roi"], $at["voxels"],
        $at["model"], cell("mean_r", "%.3f"), cell("ceiling_r", "%.3f"),
        $at["share_improved"] == "nan" ? "-" : sprintf("%.0f %%", 100 * $at["share_improved"]),
        cell("difference", "%+.3f"), interval, cell("p_value", "%.3f"), $at["optimistic"] == 1 ? "yes" : "")
}
END {
    for (i = 1; i <= n; ++i) if (rows[region[i]] > 1 || most == 1) print text[i]
}

# SPDX-License-Identifier: BSD-3-Clause
# encode-eval: exit codes, refusals, the same bytes for any number of threads.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

PYTHONPATH="$CORTUNE_SOURCE/tests/parity" /usr/bin/python3 - << 'PY' || fail "inputs"
import h5py, numpy as np
from test_evaluate import simulate, write
rng = np.random.default_rng(1)
n, v = 60, 20
p, q, y = simulate(rng, n, v, .1)
images = [f"t:{i}" for i in range(n)]
none = -np.ones(n)
roi = lambda x, rows=slice(None): {("lh", "prf", "V1v"): (np.arange(v), x[rows], y[rows], np.full(v, .5))}
write("untuned.h5", roi(p), images, none)
write("tuned.h5", roi(q), images, none, "infonce", tuned=["o:1"])
write("leaky.h5", roi(q), images, none, "infonce", tuned=["t:3", "t:4", "o:1"])
write("pixels.h5", roi(q), images, none, "infonce", tuned=["t:3"])
with h5py.File("pixels.h5", "a") as f:
    f["tuned/image"][0] = "renamed:3"
write("fewer.h5", roi(q, slice(50)), images[:50], none[:50], "mse", tuned=["o:1"])
write("paper.h5", roi(q), images, np.arange(n) % 5, "clip", "paper", ["o:1"], 1)
with h5py.File("unfinished.h5", "w") as f, h5py.File("tuned.h5") as g:
    for k in g: g.copy(k, f)
    for k, a in g.attrs.items():
        if k != "complete": f.attrs[k] = a
with h5py.File("short.h5", "w") as f, h5py.File("tuned.h5") as g:
    for k in g: g.copy(k, f)
    f.attrs.update(g.attrs)
    r = f["results/lh/prf/V1v"]
    del r["prediction"]
    r["prediction"] = np.zeros((n - 1, v), "f4")
h5py.File("foreign.h5", "w").close()
PY
quick=(--permutations 200 --bootstrap 200)

# The table.
expect 0 encode-eval "${quick[@]}" untuned.h5 tuned.h5
[ "$(wc -l < stdout)" = 3 ] || fail "expected a header and two rows"
prints $'subject\themisphere\troi_class\troi\tvoxels\timages\tmodel\tprotocol'
prints $'subj01\tlh\tprf\tV1v\t20\t60\tinfonce\theld-out'
expect 0 encode-eval --json "${quick[@]}" --model a=untuned.h5 --model b=tuned.h5
/usr/bin/python3 -c 'import json,sys; r=json.load(open("stdout"))["rows"]; assert [x["model"] for x in r]==["a","b"] and r[0]["p_value"] is None' \
    || fail "JSON"

# The same bytes for one and for more threads, and again.
export SOURCE_DATE_EPOCH=1700000000
expect 0 encode-eval "${quick[@]}" --threads 1 untuned.h5 tuned.h5
cp stdout one
expect 0 encode-eval "${quick[@]}" --threads 2 untuned.h5 tuned.h5
cmp -s stdout one || fail "two threads print something else"
expect 0 encode-eval "${quick[@]}" --threads 1 untuned.h5 tuned.h5 -o e.h5
mv e.h5 first.h5
expect 0 encode-eval "${quick[@]}" --threads 1 untuned.h5 tuned.h5 -o e.h5
cmp first.h5 e.h5 || fail "a second run differs"
unset SOURCE_DATE_EPOCH

# The page: complete in itself, figures inside and as files, and honest.
expect 0 encode-eval "${quick[@]}" untuned.h5 tuned.h5 --report page.html --figures figures
/usr/bin/python3 - << 'PY' || fail "the page"
import glob, html.parser, re
page = open("page.html").read()
class Look(html.parser.HTMLParser):
    tags, fetched = [], []
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [v for k, v in attributes if k in ("src", "href") and not v.startswith("#")]
    handle_startendtag = handle_starttag
look = Look()
look.feed(page)
assert not [v for v in look.fetched if not v.startswith("#")], look.fetched
assert look.tags.count("svg") == 4 and look.tags.count("tr") == 3 and "script" not in look.tags, look.tags.count("svg")
assert "Optimistic" not in page and "infonce" in page and "encode-eval" in page
assert sorted(glob.glob("figures/*")) == ["figures/accuracy.svg", "figures/layers-0.svg", "figures/layers-1.svg", "figures/scatter-1.svg"]
ids = re.findall(r"id=[\"']([^\"']+)", page)
assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)[:5]
PY
expect 4 encode-eval "${quick[@]}" untuned.h5 tuned.h5 --report page.html
expect 0 encode-eval "${quick[@]}" untuned.h5 leaky.h5 --allow-tuned-images --report leaky.html
grep -q 'Optimistic: scored images tuned the model' leaky.html || fail "the page hides what is optimistic"
(PATH=$(dirname "$(command -v encode-eval)") && hash -r && encode-eval -q "${quick[@]}" untuned.h5 --report none.html -o none.h5 > /dev/null 2> stderr; echo $? > code)
[ "$(cat code)" = 5 ] || fail "without gnuplot: $(cat code stderr)"
says 'gnuplot-nox'
absent none.html none.h5

# Names from files are text to gnuplot and to the page, never commands.
expect 0 encode-eval "${quick[@]}" --model 'a`touch pwned`=untuned.h5' --model "b'\"<b>=tuned.h5" --report named.html
absent pwned
grep -q '<b>' named.html && fail "a name became markup"

# Targets that would destroy inputs or each other.
cp untuned.h5 victim.h5
expect 2 encode-eval "${quick[@]}" victim.h5 --forest victim.h5 --overwrite
expect 2 encode-eval "${quick[@]}" untuned.h5 --forest same --report same --overwrite
# Nor do other formats or kinds replace a file of ours, whatever it is of.
for option in --forest --report -o; do
    expect 4 encode-eval "${quick[@]}" untuned.h5 $option victim.h5 --overwrite
    says "of kind 'encoding', so it is not replaced"
done
expect 4 encode-eval "${quick[@]}" untuned.h5 --figures victim.h5/figures -o in-time.h5
says 'victim.h5 is no folder'
absent in-time.h5
cmp untuned.h5 victim.h5 || fail "an input was replaced"

# Voxels that another model does not know are in none of the figures of a row.
/usr/bin/python3 - << 'PY'
import h5py, numpy as np
import shutil
shutil.copy("tuned.h5", "half.h5")
with h5py.File("half.h5", "a") as f:
    f["results/lh/prf/V1v/prediction"][:, ::2] = np.nan
PY
expect 0 encode-eval "${quick[@]}" untuned.h5 half.h5
awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
    !($at["mean_r_low"] < $at["mean_r"] && $at["mean_r"] < $at["mean_r_high"]) { exit 1 }' stdout || fail "the interval is of other voxels than the mean"

# Usage.
expect 2 encode-eval
expect 2 encode-eval --model untuned.h5
expect 2 encode-eval --permutations 0 untuned.h5

# Images that tuned the model, by id and by pixels.
expect 3 encode-eval "${quick[@]}" untuned.h5 leaky.h5 -o x.h5
says '2 of the 60 scored images tuned the model'
says '--allow-tuned-images'
expect 3 encode-eval "${quick[@]}" untuned.h5 pixels.h5 -o x.h5
says '1 of the 60 scored images tuned the model'
expect 0 encode-eval "${quick[@]}" untuned.h5 leaky.h5 --allow-tuned-images
[ "$(tail -n 1 stdout | awk -F'\t' '{print $NF}')" = 1 ] || fail "the row is not marked optimistic"
says 'optimistic'

# Models that do not fit each other.
expect 3 encode-eval "${quick[@]}" untuned.h5 fewer.h5 -o x.h5
says '10 of 60 are missing'
expect 0 encode-eval "${quick[@]}" untuned.h5 fewer.h5 --common-images
prints $'V1v\t20\t50\tmse'
expect 3 encode-eval "${quick[@]}" untuned.h5 paper.h5 -o x.h5
says '--mixed-protocols'
expect 0 encode-eval "${quick[@]}" untuned.h5 paper.h5 --mixed-protocols
expect 3 encode-eval --model a=untuned.h5,untuned.h5 -o x.h5
says 'already'

# Bad files.
expect 3 encode-eval absent.h5 -o x.h5
expect 3 encode-eval foreign.h5 -o x.h5
expect 3 encode-eval untuned.h5 unfinished.h5 -o x.h5
says 'unfinished.h5'
expect 3 encode-eval untuned.h5 short.h5 -o x.h5
says 'expected (60, 20), found (59, 20)'
absent x.h5

# Outputs.
expect 4 encode-eval untuned.h5 tuned.h5 -o e.h5
says '--overwrite'
expect 4 encode-eval untuned.h5 -o no/such/folder.h5
# stdout that cannot be written
code=0
encode-eval -q "${quick[@]}" untuned.h5 tuned.h5 -o full.h5 > /dev/full 2> stderr || code=$?
[ "$code" = 4 ] || fail "a full stdout ends with $code"
absent full.h5
no_parts

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A study on a Slurm cluster, as arrays of jobs, a stage after the other:
#   submit.sh STUDY [options of sbatch…]       e.g. submit.sh study.json --cpus-per-task=4 --mem=16G --time=2:00:00
# SBATCH_TUNE, SBATCH_ENCODE and so on add options for one stage (SBATCH_TUNE=--gres=gpu:1). Run it again to go on with what
# failed. The tools must be on PATH; every step uses the cores of its allocation.
set -euo pipefail
part=data
[ "${1:-}" != --rest ] || { part=rest; shift; }
study=${1:?"usage: submit.sh STUDY [options of sbatch…]"}
shift
here=$(realpath "${CORTUNE_SUBMIT:-$0}")
cd "$(dirname "$study")"
study=$(basename "$study")
lists=$(mktemp -d steps.XXXXXX)  # which step is which number of an array; steps may be done in the meantime
stages="simulate extract weights"
[ $part = data ] || stages="tune encode evaluate transfer report"

# Slurm takes arrays of no more jobs than MaxArraySize - 1.
most=$(scontrol show config 2> /dev/null | sed -n 's/^MaxArraySize *= *//p')
most=$((${most:-1001} - 1))

after=()
for stage in $stages; do
    study-run "$study" --list --todo --stage $stage --quiet | cut -f2 | split -d -a 4 -l "$most" - "$lists/$stage."
    of_stage=SBATCH_${stage^^} jobs=
    for list in "$lists/$stage".*; do
        [ -s "$list" ] || continue
        n=$(wc -l < "$list")
        # A job whose node fails, or that is requeued, goes on where its step was.
        # shellcheck disable=SC2086
        id=$(sbatch --parsable --job-name="$stage" --array="1-$n" --requeue --open-mode=append --output="$list.%a.log" "${after[@]}" "$@" ${!of_stage:-} \
            --wrap="exec study-run '$study' \"\$(sed -n \${SLURM_ARRAY_TASK_ID}p '$list')\"")
        echo "$stage: $n steps, job $id"
        jobs+=:${id%%;*}
    done
    [ -z "$jobs" ] || after=(--dependency="afterany$jobs")
done
if [ $part = data ]; then
    # Which regions a subject has is known when its data are extracted: the rest is listed then.
    if [ ${#after[@]} = 0 ]; then exec "$here" --rest "$study" "$@"; fi
    id=$(sbatch --parsable --job-name=submit "${after[@]}" --output="$lists/submit.log" "$@" \
        --wrap="CORTUNE_SUBMIT='$here' exec '$here' --rest '$study' $(printf '%q ' "$@")")
    echo "the rest is submitted by job $id"
fi

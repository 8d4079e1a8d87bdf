# SPDX-License-Identifier: BSD-3-Clause
# study-run and the example's Makefile: a study runs to its end, continues where it was killed, makes anew what a
# change concerns and nothing else, and says how far it is.
. "$CORTUNE_SOURCE/tests/support/tool_test.sh"

cat > study.json << 'JSON'
{
  "name": "test", // comments are welcome
  "data": {"layout": "algonauts", "simulate": {"preset": "tiny", "seed": 3}, "options": {"size": 64}},
  "subjects": [1, 2],
  "regions": {"lh": ["V1v", "V1d", "hV4"]},
  "methods": {"contrastive": {}, "pooled": {"pool": "avg"}},
  "tune": {"epochs": 2, "batch": 64, "min-voxels": 20},
  "encode": {"min-voxels": 5, "layers": ["features.2", "classifier.2"]},
  "evaluate": {"permutations": 50, "bootstrap": 50},
  "compare": {"pooled": "contrastive"},
  "report": {"title": "A <test>", "published": "published.json", "names": {"contrastive": "cl_tuned"}},
  "transfer": {"methods": ["contrastive"], "options": {"min-voxels": 5, "layers": "classifier.2", "permutations": 50, "bootstrap": 50}}
}
JSON
cat > published.json << 'JSON'
{"source": "a paper", "results": {
  "subj01": {"lh_V1v": {"untuned": {"mean_r": 0.1}, "cl_tuned": {"mean_r": 0.3}}, "lh_PPA": {"untuned": {"mean_r": 0.9}}},
  "subj02": {"lh_V1v": {"untuned": {"mean_r": 0.2}, "cl_tuned": {"mean_r": 0.2}}},
  "subj07": {"lh_V1v": {"untuned": {"mean_r": 0.9}}}}}
JSON
example() { make --no-print-directory -f "$CORTUNE_SOURCE/examples/study/Makefile" BIN="$CORTUNE_BIN" "$@" > make.log 2>&1; }
state() { study-run study.json --list 2> /dev/null | awk -F'\t' -v s="$1" '$2 == s { print $3 }'; }
is() { [ "$(state "$1")" = "$2" ] || { cat make.log; study-run study.json --status; fail "$1 is $(state "$1"), not $2"; }; }

expect 0 study-run study.json --list --todo
prints $'extract/subj01\twaiting\tnsd-extract algonauts out/simulated --subject 1 --size 64'
example -j2 || { cat make.log; fail "the study did not run"; }
expect 0 study-run study.json --status
prints 'tune      8 of 8 done'
prints 'transfer  1 of 1 done'
prints 'report    1 of 1 done'
/usr/bin/python3 "$CORTUNE_SOURCE/tests/support/check_report.py" out || fail "the report is not what the evaluations say"
# A region that is too small for the tuning is named, and not waited for.
prints 'left out  subj02 lh V1d: 18 voxels'
[ "$(awk -F'\t' 'NR > 1' out/evaluation.s0.tsv | wc -l)" -ge 6 ] || fail "the table lacks rows"
[ -z "$(ls -A out/checkpoints)" ] || fail "checkpoints of tunings that are done were left"
find out -name '*.h5' -printf '%p %T@\n' | sort > before
example -j2
find out -name '*.h5' -printf '%p %T@\n' | sort | cmp - before || fail "what was done was made again"
# A step that is done is not made again, whoever asks.
expect 0 study-run study.json tune/contrastive/subj01/lh.V1v.s0

# A change undoes what depends on it alone.
sed -i 's/"contrastive": {}/"contrastive": {"temperature": 0.2}/' study.json
is extract/subj01 done
is tune/pooled/pooled/lh.V1v.s0 done
is tune/contrastive/subj01/lh.V1v.s0 ready
is encode/contrastive/subj01/lh.V1v.s0 waiting
is evaluate/s0 waiting
expect 3 study-run study.json encode/contrastive/subj01/lh.V1v.s0
says 'needs tune/contrastive/subj01/lh.V1v.s0, which is ready'

# Killed in the middle: said, and continued from its checkpoint.
sed -i 's/"temperature": 0.2/"epochs": 40/' study.json
step=tune/contrastive/subj01/lh.V1v.s0
ckpt=out/checkpoints/tune_contrastive_subj01_lh.V1v.s0.ckpt
study-run study.json $step 2> /dev/null &
runner=$!
until [ -e $ckpt ]; do sleep .1; done
is $step running
expect 1 study-run study.json $step
says 'runs already'
kill -9 $runner
wait $runner 2> /dev/null
until [ "$(state $step)" = stopped ]; do sleep .1; done
[ -e $ckpt ] || fail "the checkpoint is gone"
until ! pgrep -f "cl-finetune out/data/subj01.h5.*--epochs 40" > /dev/null; do sleep .1; done
expect 0 study-run study.json $step
grep -q 'continuing after epoch' out/steps/tune.contrastive.subj01.lh.V1v.s0.log || fail "it began anew"
is $step done
# Other options after a stop: made anew, not stuck at a checkpoint that is of no use.
sed -i 's/"epochs": 40/"epochs": 200/' study.json
study-run study.json $step 2> /dev/null &
runner=$!
until [ -e $ckpt ]; do sleep .1; done
kill -TERM $runner
wait $runner
[ -e $ckpt ] || fail "no checkpoint of what was stopped"
sed -i 's/"epochs": 200/"epochs": 3/' study.json
expect 0 study-run study.json $step
says 'the checkpoint of a run with other options or inputs goes'
sed -i 's/"epochs": 3}/"epochs": 40}/' study.json
# A signal goes to the tool.
sed -i 's/"epochs": 40/"epochs": 100000/' study.json
study-run study.json $step 2> /dev/null &
runner=$!
until [ "$(state $step)" = running ]; do sleep .1; done
sleep 1
kill -TERM $runner
wait $runner
[ $? = 143 ] || fail "exit code after SIGTERM"
is $step stopped

# A study that is not finished is not reported without saying so.
expect 3 study-report study.json -o early.html
says 'evaluate/s0 is waiting'
expect 3 study-report study.json --unfinished -o early.html
says 'no evaluation is done'
absent early.html

# A failure is named with its reason, and the rest goes on.
sed -i 's/"epochs": 100000/"loss": "hinge"/' study.json
example -j2 && fail "a failing step is no success"
expect 0 study-run study.json --status
prints 'failed: tune/contrastive/subj01/lh.V1v.s0 (exit code 2)'
prints 'hinge'
is encode/pooled/subj01/lh.V1v.s0 done
sed -i 's/"loss": "hinge"/"loss": "infonce"/' study.json
example -j2 || { cat make.log; fail "the mended study does not run"; }
is transfer/contrastive.s0 done
is report done
expect 0 study-report study.json --json -o again.html
/usr/bin/python3 -c 'import json; assert len(json.load(open("stdout"))) > 5'
expect 4 study-report study.json -o again.html
# The paper's own numbers, where they are at hand.
paper=$CORTUNE_SOURCE/../shared/data/published/encoding_by_roi.json
if [ -e "$paper" ]; then
    expect 0 study-report study.json --published "$paper" --published-name contrastive=cl_tuned --published-name pooled=pooled_avg -o paper.html
    /usr/bin/python3 - "$paper" << 'PY' || fail "the paper's numbers are not on the page"
import json, re, sys
results, page = json.load(open(sys.argv[1]))["results"], open("paper.html").read()
for roi in ("V1v", "hV4"):
    for ours, theirs in (("contrastive", "cl_tuned"), ("pooled", "pooled_avg"), ("untuned", "untuned")):
        r = sum(results[s]["lh_" + roi][theirs]["mean_r"] for s in ("subj01", "subj02")) / 2
        gain = r - sum(results[s]["lh_" + roi]["untuned"]["mean_r"] for s in ("subj01", "subj02")) / 2
        row, = re.findall(f"<td class=t>lh {roi}</td><td class=t>{ours}</td><td class=t>{theirs}</td><td>2</td><td>[^<]*</td><td>([^<]*)</td><td>[^<]*</td><td>([^<]*)</td>", page)
        assert abs(float(row[0]) - r) < 0.0005001, (roi, ours, row, r)
        assert row[1] == "–" if ours == "untuned" else abs(float(row[1]) - gain) < 0.0000501, (roi, ours, row, gain)
PY
fi
expect 2 study-report study.json --published-name contrastive=cl_tuned -o x.html
expect 2 study-report study.json --published published.json --published-name contrastive=x -o x.html
says 'it has cl_tuned, untuned'
expect 2 study-report study.json study.json -o x.html
expect 3 study-report study.json --published study.json -o x.html
says 'no table of published accuracies'
(PATH=$CORTUNE_BIN; study-report study.json -o x.html 2> stderr) && fail "no gnuplot, no failure"
grep -q 'install gnuplot' stderr || fail "what to do is not said"
rm out/transfer.contrastive.s0.h5
expect 3 study-report study.json -o x.html
expect 0 study-report study.json --unfinished -o x.html
grep -q 'left out: transfer/contrastive.s0 is ready' x.html || fail "what is left out is not said"

# Other data undo all; what is read besides counts by its content.
cp study.json kept.json
sed -i 's/"seed": 3/"seed": 4/' study.json
is simulate ready
expect 0 study-run study.json simulate
is extract/subj01 ready
is report waiting
cp kept.json study.json
expect 0 study-run study.json simulate
example -j2 || { cat make.log; fail "the study does not run with the first data again"; }
is report done
sed -i 's/"a paper"/"another paper"/' published.json
is report ready
# A table on stdout that is not of the last run is not done.
sed -i 's/"bootstrap": 50},/"bootstrap": 51},/' study.json
eval "$(study-run study.json --list 2> /dev/null | awk -F'\t' '$2 == "evaluate/s0" { print $4 }') --overwrite" > /dev/null 2>&1
is evaluate/s0 ready
sed -i 's/"bootstrap": 51},/"bootstrap": 50},/' study.json
example -j2
# Eight at once after one that was killed, whose mark is still there: one makes it.
mkdir slow
printf '#!/bin/sh\necho started >> %s/starts\nsleep 1\nexec %s/encode-eval "$@"\n' "$PWD" "$CORTUNE_BIN" > slow/encode-eval
chmod +x slow/encode-eval
for round in 1 2 3; do
    rm -f out/evaluation.s0.h5 codes starts
    (export PATH=$PWD/slow:$PATH; exec study-run study.json evaluate/s0) 2> /dev/null &
    runner=$!
    until [ -e starts ]; do sleep .05; done
    kill -9 $runner
    wait $runner 2> /dev/null
    until ! pgrep -f "encode-eval --model untuned=out" > /dev/null; do sleep .1; done
    rm -f starts out/evaluation.s0.h5
    [ -e out/steps/evaluate.s0.running ] || fail "no mark of the one that was killed"
    for _ in 1 2 3 4 5 6 7 8; do (PATH=$PWD/slow:$PATH study-run study.json evaluate/s0 > /dev/null 2>&1; echo $? >> codes) & done
    wait
    is evaluate/s0 done
    [ "$(wc -l < starts)" = 1 ] || fail "$(wc -l < starts) of eight ran the step"
    grep -qvE '^[01]$' codes && fail "exit codes $(sort codes | uniq -c)"
done
# A crash is a failure, said by its name.
mkdir fake
printf '#!/bin/sh\nkill -SEGV $$\n' > fake/encode-eval
chmod +x fake/encode-eval
rm out/evaluation.s0.h5
PATH=$PWD/fake:$PATH expect 1 study-run study.json evaluate/s0
says 'signal 11'
is evaluate/s0 failed
# Damaged data stop nothing but what needs them; what cortune did not write it does not replace.
echo junk > out/data/subj01.h5
is extract/subj01 ready
expect 4 study-run study.json extract/subj01
rm out/data/subj01.h5
example -j2 || { cat make.log; fail "the study does not mend"; }
is evaluate/s0 done

# Wrong tables say where.
wrong() { sed "$1" study.json > wrong.json; expect 3 study-run wrong.json --list; says "$2"; }
wrong 's/"subjects"/"subject"/' "'subject' is unknown"
wrong 's/"subjects": \[1, 2\]/"subjects": [1, 1]/' 'subjects: each once'
wrong 's/"regions": {"lh"/"regions": {"left"/' "'left' is unknown"
wrong 's/"methods": \["contrastive"\]/"methods": ["regression"]/' "'regression' is no method"
wrong 's/"epochs": 2/"--epochs": 2/' 'without dashes'
wrong 's/"V1v", "V1d"/"V1v", "V1w"/' 'no subject has lh V1w'
wrong 's/"V1v", "V1d"/"V1v", "V1v"/' 'two steps would be tune/contrastive/subj01/lh.V1v.s0'
wrong 's/"subjects"/"seeds": [0, 0], "subjects"/' 'seeds: each once'
wrong 's/"subjects"/"name": "b", "subjects"/' "key 'name' is there twice"
wrong 's/"compare": {"pooled": "contrastive"}/"compare": {"pooled": "untuned"}/' "'untuned' is no method"
wrong 's/"name"/name/' 'wrong.json:'
for table in study/study pooling/few pooling/many; do expect 0 study-run "$CORTUNE_SOURCE/examples/$table.json" --list; done
expect 2 study-run study.json
expect 2 study-run study.json tune/contrastive/subj01/lh.V1w.s0
says 'did you mean tune/contrastive/subj01/lh.V1v.s0?'
expect 2 study-run study.json --status --todo
expect 3 study-run nowhere.json --status
# The tools are to be on PATH.
rm -r out/encodings/pooled
(PATH=/usr/bin:/bin "$CORTUNE_BIN/study-run" study.json encode/pooled/subj01/lh.V1v.s0 2> stderr) && fail "no tool, no failure"
grep -q 'on PATH' stderr || fail "what to do is not said"

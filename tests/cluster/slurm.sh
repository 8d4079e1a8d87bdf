#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The study by a real Slurm, started here with a node of two slots: a job is put back in the queue in the middle of a
# tuning and goes on from its checkpoint, threads follow the allocation, and the tables are those of make -j2.
# Needs root (or sudo -n) and the packages of `install-deps.sh cluster`. CORTUNE_BIN is the folder of the tools.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(realpath "${CORTUNE_BIN:-$root/build/release/bin}")
skip() { echo "slurm: SKIPPED ($1)"; exit 77; }
fail() { echo "FAILED: $1"; tail -n 20 "$work"/slurm*.log "$work"/study/steps.*/*.log 2> /dev/null || true; exit 1; }
PATH=$bin:$PATH:/usr/sbin:/sbin
for tool in slurmctld slurmd munged sbatch; do command -v $tool > /dev/null || skip "no $tool: share/setup/install-deps.sh cluster"; done
[ "$(id -u)" = 0 ] || skip "the daemons are started as root here"
[ "$(nproc)" -ge 2 ] || skip "two slots need two cores"

work=$(mktemp -d)
pids=()
stop() {
    scancel --me > /dev/null 2>&1 || true
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    sleep 1
    for pid in "${pids[@]}"; do kill -9 "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT
chmod 755 "$work"
host=$(hostname -s)
mkdir -p "$work"/{state,spool}
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 400 "$work/munge.key"
cat > "$work/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge.key" --pid-file="$work/munge.pid" --log-file="$work/munge.log" \
    --seed-file="$work/munge.seed" --num-threads=2 2> /dev/null & pids+=($!)
until [ -S "$work/munge.socket" ]; do sleep .1; done
slurmctld -D > "$work/slurmctld.log" 2>&1 & pids+=($!)
slurmd -D > "$work/slurmd.log" 2>&1 & pids+=($!)
for _ in $(seq 100); do [ "$(sinfo -h -o %T 2> /dev/null)" = idle ] && break || sleep .2; done
[ "$(sinfo -h -o %T)" = idle ] || fail "the node is not there: $(sinfo 2>&1)"
echo "Slurm $(sinfo --version | cut -d' ' -f2) runs"

# The same study, twice: a tuning of it is long enough to be stopped.
for by in study made; do
    mkdir "$work/$by"
    sed 's/"epochs": 4/"epochs": 12/' "$root/examples/study/study.json" > "$work/$by/study.json"
done
cd "$work/study"
waited() { [ -z "$(squeue -h -o %i)" ]; }
"$root/examples/study/submit.sh" study.json --cpus-per-task=1
step=tune/contrastive/subj02/lh.hV4.s0
mark=out/steps/${step//\//.}
for _ in $(seq 6000); do [ -e out/checkpoints/tune_contrastive_subj02_lh.hV4.s0.ckpt ] && break || sleep .1; done
[ -e "$mark.running" ] || fail "$step is not running"
job=$(sed -n 's/.*"job": "\(.*\)",/\1/p' "$mark.running")
scontrol requeue "$job"
echo "job $job, $step, was put back in the queue"
# Slurm lets such a job wait for two minutes, which here are ours.
for _ in $(seq 100); do [ "$(squeue -h -j "$job" -o %T)" = PENDING ] && break || sleep .2; done
scontrol update "JobId=$job" StartTime=now
for _ in $(seq 6000); do waited && break || sleep .2; done
waited || fail "jobs are left: $(squeue)"
study-run study.json --status
study-run study.json --list --todo --quiet | grep . && fail "not all is done"
grep -q 'continuing after epoch' "$mark.log" || fail "$step began anew"
study-run study.json --list --quiet > /dev/null
threads=$(cortune-info --json out/models/contrastive/subj01/lh.V1v.s0.h5 2> /dev/null | sed -n 's/.*"threads": \([0-9]*\).*/\1/p' | sort -u | head -1)
[ "$threads" = 1 ] || fail "threads do not follow --cpus-per-task: $threads"

cd "$work/made"
make --no-print-directory -f "$root/examples/study/Makefile" BIN="$bin" -j2 > make.log 2>&1 || { tail make.log; fail "make"; }
for table in evaluation.s0.tsv transfer.contrastive.s0.tsv; do
    cmp "$work/study/out/$table" "out/$table" || fail "$table differs"
done
# By Snakemake, where it is installed (install-deps.sh snakemake): every step a job of the same Slurm.
if command -v snakemake > /dev/null; then
    mkdir "$work/snake"
    cp -r "$root"/examples/study/{Snakefile,slurm} "$work/made/study.json" "$work/snake/"
    cd "$work/snake"
    for goal in data all; do snakemake --profile slurm $goal > snake.log 2>&1 || { tail -n 30 snake.log; fail "snakemake --profile slurm $goal"; }; done
    for table in evaluation.s0.tsv transfer.contrastive.s0.tsv; do cmp "$work/made/out/$table" "out/$table" || fail "Snakemake's $table differs"; done
    echo "snakemake --profile slurm: passed, $(ls .snakemake/*.log | wc -l) jobs"
    cd "$work/made"
fi
echo "slurm: passed, the tables of $(wc -l < out/evaluation.s0.tsv) and $(wc -l < out/transfer.contrastive.s0.tsv) lines are those of make -j2"

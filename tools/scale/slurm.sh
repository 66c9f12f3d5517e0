#!/bin/bash
# Tries the recipes for Slurm, with a controller and two nodes. It needs Debian's packages slurm-wlm and libpmix-dev.
#
#   go build -o /tmp/trainer ./cmd/trainer
#   LIMIT=900 tools/scale/hosts.sh tools/scale/slurm.sh /tmp/trainer MPIRUN...    # of Open MPI, of MPICH
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scale/run.sh
trainer=$(realpath "$1")
shift

mkdir -p /run/munge /run/slurm/{state,{spool,tmp}-fovea-{a,b}}
dd if=/dev/urandom of=/run/munge/key bs=1 count=1024 status=none && chmod 600 /run/munge/key
munged --force --socket=/run/munge/munge.socket.2 --key-file=/run/munge/key --pid-file=/run/munge/pid \
  --log-file=/run/munge/log --seed-file=/run/munge/seed
cat > /run/slurm/slurm.conf <<'CONF'
ClusterName=fovea
SlurmctldHost=fovea-a
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
StateSaveLocation=/run/slurm/state
SlurmdSpoolDir=/run/slurm/spool-%n
TmpFS=/run/slurm/tmp-%n
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd-%n.pid
SlurmctldLogFile=/run/slurm/slurmctld.log
SlurmdLogFile=/run/slurm/slurmd-%n.log
MpiDefault=pmix
NodeName=fovea-a,fovea-b CPUs=8 RealMemory=20000
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
export SLURM_CONF=/run/slurm/slurm.conf
/run/on fovea-a SLURM_CONF=$SLURM_CONF slurmctld
for host in fovea-a fovea-b; do /run/on $host SLURM_CONF=$SLURM_CONF slurmd; done
# a COMMAND... runs on the first host. The program looks for the MPI library beside the mpirun of PATH.
a() { /run/on fovea-a "export SLURM_CONF=$SLURM_CONF PATH='$path' OMPI_MCA_btl_tcp_if_include=eth0; $*"; }
path="$(dirname "$trainer"):$PATH"
for _ in {1..60}; do [ "$(a sinfo -h -t idle -o %D)" != 2 ] || break; sleep 0.5; done
a sinfo
a srun --version
a srun --mpi=list 2>&1 | tail -n 1
a srun -N 2 -n 2 hostname

run "one process"
cat "/run/one process"
for mpirun; do
  pmi=pmix && [[ $("$mpirun" --version) == *"Open MPI"* ]] || pmi=pmi2
  path="$(dirname "$mpirun"):$(dirname "$trainer"):$PATH"
  run "srun --mpi=$pmi" a srun -N 2 -n 2 --mpi=$pmi
done

# block PAGE PATTERN prints the block of code whose text has the pattern.
block() {
  awk -v want="$2" '/^```/ {if (inside && text ~ want) printf "%s", text; inside = !inside; text = ""; next}
    inside {text = text $0 "\n"}' "$1"
}
inJob() { a "cd /run/job; $*"; }

mkdir -p /run/job/{archives,results}
# The config of the recipe, with the images of RetinaMNIST.
sed "s#^dir = .*#dir = \"$PWD/data/testdata/retinamnist\"#; s/^name = .*/name = \"octid\"/
  s/^epochs = .*/epochs = 3/; s/^warmup = .*/warmup = 1/; s/^batch = .*/batch = 32/" configs/retinamnist.toml \
  > /run/job/octid.toml
block docs/clusters.md 'srun' > /run/job/train.sbatch
path="$(dirname "$1"):$(dirname "$trainer"):$PATH" # of Open MPI, by PMIx
echo "train.sbatch, stopped and submitted again:"
id=$(inJob sbatch --parsable train.sbatch)
until [ -e /run/job/runs/octid/checkpoints/last ]; do sleep 0.1; done
inJob scancel "$id"
while [ -n "$(a squeue -h)" ]; do sleep 0.2; done
tail -n 1 "/run/job/train-$id.log"
inJob sbatch --wait train.sbatch
tail -n 1 /run/job/train-$((id + 1)).log
mv /run/job/runs /run/job/two
inJob "$(sed '/^#/d; s/srun.*trainer/trainer/; s/\$SLURM_CPUS_PER_TASK/4/' /run/job/train.sbatch)" > /run/job/one.log
(cd /run/job/runs/octid &&
  find . -name '*.safetensors' -o -name '*.csv' -o -name 'log.txt' | xargs sha256sum) > /run/want
(cd /run/job/two/octid && sha256sum -c /run/want)

echo "predict.sbatch, and the merge:"
cp /run/job/runs/octid/model.onnx /run/job
for split in train val test; do
  (cd data/testdata/retinamnist && find $split -type f | sort | tar -cf /run/job/archives/eyes-$split.tar -T -)
done
block docs/shards.md 'sbatch predict|array=1-16' | grep -v '^id=' > /run/job/predict.sbatch
block docs/shards.md 'dependency' | sed 's/sbatch --dep/sbatch --wait --dep/' > /run/job/submit.sh
inJob sh -e submit.sh
tail -n 1 /run/job/slurm-*.out
inJob "trainer predict -model model.onnx -out one.csv -set runtime.threads=4 archives/eyes-*.tar &&
  cmp results/p.csv one.csv && wc -l one.csv"
rm /run/job/results/p.02-* /run/job/results/p.07-*
sed 's#-shard auto#-shard $SLURM_ARRAY_TASK_ID/16#' /run/job/predict.sbatch > /run/job/again.sbatch
inJob sbatch --wait --array=2,7 again.sbatch
inJob "trainer merge results/p.*-of-16.csv -out results/again.csv && cmp results/again.csv one.csv"
echo "shards 2 and 7 repeated and merged: the same file"

#!/bin/bash
# Tries the recipes for Slurm, with a controller and two nodes. It needs Debian's packages slurm-wlm and libpmix-dev.
#
#   go build -o /tmp/trainer ./cmd/trainer
#   tools/scale/hosts.sh tools/scale/slurm.sh /tmp/trainer
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scale/run.sh
trainer=$(realpath "$1")

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
NodeName=fovea-a,fovea-b CPUs=2
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
export SLURM_CONF=/run/slurm/slurm.conf
/run/on fovea-a SLURM_CONF=$SLURM_CONF slurmctld
for host in fovea-a fovea-b; do /run/on $host SLURM_CONF=$SLURM_CONF slurmd; done
trap "tail -n 20 /run/slurm/*.log" EXIT; a() { /run/on fovea-a SLURM_CONF=$SLURM_CONF "$@"; }
until [ "$(a sinfo -h -t idle -o %D)" = 2 ]; do sleep 0.5; a sinfo; tail -3 /run/slurm/*.log; done
a sinfo
a srun --version
a srun --mpi=list
a srun -N 2 -n 2 hostname

#!/bin/bash
# Trains a tiny ViT on two hosts over TCP, and compares every file of the run with that of one process.
#
#   go build -o /tmp/trainer ./cmd/trainer
#   tools/scale/hosts.sh tools/scale/mpirun.sh /tmp/trainer MPIRUN...    # of Open MPI 5, of MPICH
#
# RANKS is the number of processes, 2 by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/scale/run.sh

trainer=$(realpath "$1") ranks=${RANKS:-2}
shift
run "one process"
cat "/run/one process"
for mpirun; do
  if [[ $("$mpirun" --version) == *"Open MPI"* ]]; then
    name="Open MPI"
    options=(--allow-run-as-root --host fovea-a:"$ranks",fovea-b:"$ranks" --map-by node --bind-to none
      --mca btl tcp,self --mca btl_tcp_if_include eth0 --mca pml ob1 --mca plm_rsh_agent /run/on)
  else
    name=MPICH
    options=(-hosts fovea-a,fovea-b -ppn 1 -launcher ssh -launcher-exec /run/on -iface eth0)
  fi
  run "$name" /run/on fovea-a "$mpirun" -n "$ranks" "${options[@]}"
done

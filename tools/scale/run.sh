# run NAME COMMAND... trains a tiny ViT by that command, and writes the SHA-256 of what must not differ to /run/NAME. It
# compares them with those of the first run, whose name is "one process". model.onnx holds the config with the name of
# the run's folder, so that is always the same. SET has further settings of the run, separated by spaces.
run() {
  local name=$1 start=${EPOCHREALTIME/./} before
  before=$(sent) && shift
  "$@" "$trainer" -config configs/retinamnist.toml -set runtime.provider=cpu -set runtime.threads=1 \
    -set output.dir=/run/runs -set training.batch=16 -set training.accumulate=4 -set training.max_steps=20 \
    -set schedule.epochs=2 -set schedule.warmup=1 -set optimizer.clip=1 ${SET:+-set ${SET// / -set }} \
    > /run/log 2>&1 || { tail -n 30 /run/log >&2 && exit 1; }
  echo "$name: $(((${EPOCHREALTIME/./} - start) / 1000)) ms, $(($(sent) - before)) bytes left the first host"
  (cd /run/runs/retinamnist && sha256sum checkpoints/last/*.safetensors checkpoints/best/model.safetensors \
    log.txt metrics_*.csv metrics_test.json predictions_test.csv model.onnx) > "/run/$name"
  rm -r /run/runs
  [ "$name" = "one process" ] && return
  diff "/run/one process" "/run/$name" && echo "$name: the same files as one process"
}

sent() { ip netns exec fovea-a cat /sys/class/net/eth0/statistics/tx_bytes; }

#!/bin/bash
# Runs a command beside two hosts, fovea-a and fovea-b. They are namespaces of Linux: each has a network, a name and
# shared memory of its own. It needs root. All that it makes disappears with it, within LIMIT seconds, 300 by default.
#
# The command finds /run/on, which takes the place of ssh: `/run/on fovea-b hostname`. All see the same /run.
# RATE is the speed of the link between the hosts, such as 1gbit.
set -euo pipefail

if [ -z "${IN_NAMESPACE:-}" ]; then
  IN_NAMESPACE=1 exec timeout "${LIMIT:-300}" unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi

mount -t tmpfs tmpfs /run
mkdir /run/netns
printf '127.0.0.1 localhost\n10.77.0.1 fovea-a\n10.77.0.2 fovea-b\n' > /run/hosts
mount --bind /run/hosts /etc/hosts

for host in fovea-a fovea-b; do ip netns add $host; done
ip -n fovea-a link add eth0 type veth peer name eth0 netns fovea-b
for host in fovea-a fovea-b; do
  ip -n $host address add "$(awk "/$host/ {print \$1}" /run/hosts)/24" dev eth0
  ip -n $host link set lo up
  ip -n $host link set eth0 up
  [ -z "${RATE:-}" ] || ip netns exec $host tc qdisc add dev eth0 root tbf rate "$RATE" burst 256kb latency 50ms
  nsenter --net=/run/netns/$host unshare --uts --ipc --mount sh -c "
    hostname $host && mount -t tmpfs tmpfs /dev/shm && touch /run/$host.up && exec sleep infinity" &
  echo $! > /run/$host.pid
  until [ -e /run/$host.up ]; do sleep 0.1; done
done

# It skips the options that launchers give to ssh. Like ssh, it passes no variables on.
cat > /run/on <<ON
#!/bin/bash
while [[ \$1 == -* ]]; do shift; done
pid=\$(cat "/run/\$1.pid") && shift
exec nsenter --net --uts --ipc --mount --target \$pid --wdns="$PWD" env -i PATH="$PATH" HOME="$HOME" sh -c "\$*"
ON
chmod +x /run/on

"$@"

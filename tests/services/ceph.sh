#!/usr/bin/env bash
# Ceph's S3 gateway over a cluster of one monitor and one storage daemon, all on loopback; run as root.
# usage: RGW_PORT=… MON_PORT=… S3_ACCESS_KEY=… S3_SECRET_KEY=… ceph.sh start|stop DIRECTORY
set -euo pipefail
verb=${1:?start or stop}
top=$(readlink -m "${2:?directory}")

stop() {
  for name in rgw osd mon; do
    [ -f "$top/$name.pid" ] || continue
    pid=$(cat "$top/$name.pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$top/$name.pid"
  done
}

launch() {  # NAME COMMAND...
  local name=$1
  shift
  setsid nohup "$@" >"$top/log/$name.out" 2>&1 </dev/null &
  echo $! >"$top/$name.pid"
}

fail() {
  echo "$1; see $top/log" >&2
  tail -3 "$top"/log/*.out >&2 || true
  stop
  exit 1
}

if [ "$verb" = stop ]; then
  stop
  exit 0
fi

mkdir -p "$top"/log "$top"/run "$top"/mon "$top"/osd "$top"/rgw
fsid=$(cat /proc/sys/kernel/random/uuid)
conf=$top/ceph.conf
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon host = v1:127.0.0.1:$MON_PORT
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = false
keyring = $top/keyring
run dir = $top/run
admin socket = $top/run/\$name.asok
log file = $top/log/\$name.log
mon data = $top/mon
mon data avail crit = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd max pg per osd hard ratio = 10
osd data = $top/osd
osd objectstore = memstore
memstore device bytes = 6442450944
osd memory target = 939524096
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
[client.rgw]
rgw data = $top/rgw
rgw frontends = beast endpoint=127.0.0.1:$RGW_PORT
rgw enable usage log = false
CONF
ask() { ceph -c "$conf" --connect-timeout 20 "$@"; }

monmaptool --create --fsid "$fsid" --clobber --addv a "[v1:127.0.0.1:$MON_PORT]" "$top/monmap" >/dev/null
ceph-authtool --create-keyring "$top/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
ceph-authtool "$top/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
ceph-mon -c "$conf" --mkfs -i a --monmap "$top/monmap" --keyring "$top/keyring"
launch mon ceph-mon -c "$conf" -f -i a
for _ in $(seq 120); do ask mon stat >/dev/null 2>&1 && break; sleep 0.3; done

uuid=$(cat /proc/sys/kernel/random/uuid)
ask osd new "$uuid" >/dev/null || fail "the monitor did not answer"
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" >"$top/log/mkfs.out" 2>&1
# a storage daemon may be told of the cluster too early, and ends then: it is started again
up=
for _ in $(seq 5); do
  launch osd ceph-osd -c "$conf" -f -i 0
  for _ in $(seq 150); do
    if ask osd stat 2>/dev/null | grep -q '1 up'; then
      up=1
      break 2
    fi
    kill -0 "$(cat "$top/osd.pid")" 2>/dev/null || break
    sleep 0.2
  done
done
[ -n "$up" ] || fail "the storage daemon did not come up"

launch rgw radosgw -c "$conf" -f -n client.rgw
for _ in $(seq 300); do
  curl -fs -o /dev/null "http://127.0.0.1:$RGW_PORT/" && break
  sleep 0.2
done
curl -fs -o /dev/null "http://127.0.0.1:$RGW_PORT/" || fail "the gateway did not come up"
radosgw-admin -c "$conf" user create --uid=test --display-name=test \
  --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >"$top/log/user.out" 2>&1 || fail "no user was made"

#!/usr/bin/env bash
# Installs the servers that the tests talk to, and the tools that they run, where this user may: Debian's packages as root, Azurite by npm into .venv.
# What cannot be installed is left out; the tests that need it are skipped, and say so.
set -uo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || missing+=(openssh-server openssh-client)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v radosgw >/dev/null || missing+=(ceph-mon ceph-osd radosgw ceph-common)
command -v mkfs.xfs >/dev/null || [ -x /sbin/mkfs.xfs ] || missing+=(xfsprogs)
command -v mount.exfat-fuse >/dev/null || [ -x /usr/sbin/mount.exfat-fuse ] || [ -x /sbin/mount.exfat-fuse ] || missing+=(exfat-fuse exfatprogs)
command -v curl >/dev/null || missing+=(curl)
command -v strace >/dev/null || missing+=(strace)
command -v bwrap >/dev/null || missing+=(bubblewrap)
command -v faketime >/dev/null || missing+=(faketime)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # no service is to start by itself
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    for package in "${missing[@]}"; do
      apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "not installed: $package"
    done
  else
    echo "not installed, which needs root and apt: ${missing[*]}"
  fi
fi

# a second user, as whom tests log in by key
if [ "$(id -u)" = 0 ] && command -v useradd >/dev/null && ! id mltrack-other >/dev/null 2>&1; then
  useradd --create-home --shell /bin/sh mltrack-other && usermod --password '*' mltrack-other || echo "not made: the user mltrack-other"
fi

if [ ! -x .venv/npm/node_modules/.bin/azurite-blob ]; then
  if command -v npm >/dev/null; then
    mkdir -p .venv/npm
    npm install --silent --no-fund --no-audit --prefix .venv/npm azurite >/dev/null 2>&1 || echo "not installed: azurite"
  else
    echo "not installed, which needs npm: azurite"
  fi
fi
exit 0

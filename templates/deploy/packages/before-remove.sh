#!/bin/sh
# Stops the server when it is removed, and not when it is upgraded: dpkg says "upgrade", rpm says 1.
set -e
case "$1" in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now firebreak.service
fi

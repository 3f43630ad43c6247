#!/bin/sh
# Starts nothing on a first install: the server has no App yet. On an upgrade it restarts what runs.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart firebreak.service
fi

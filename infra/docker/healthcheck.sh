#!/usr/bin/env bash
# Ready means progress, not liveness; the image has no curl. The port is the role's own setting.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${METERING__SERVER__PORT:-8080}"
printf 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 _ status _ <&3
[[ $status == 200 ]]

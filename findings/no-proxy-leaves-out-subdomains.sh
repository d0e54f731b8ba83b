#!/usr/bin/env bash
# Expected: NO_PROXY=hub.test sends cdn.hub.test directly too. curl and Python's httpx, on which huggingface_hub stands,
#   have it so, and people write NO_PROXY for them.
# Seen: npm's proxy-from-env, on which axios and proxy-agent stand, takes such an entry for that one host alone: the
#   download host below it goes to the proxy. And a proxy without a scheme gets the one of the address that is asked for,
#   so that https is asked of a proxy that speaks http.
# Versions: proxy-from-env 2.1.0 (npm), httpx 0.28.1 (PyPI).
# Matters: a model's bytes come from a host below the hub's. A script in Node sends gigabytes through a proxy that a
#   Python one beside it, with the same environment, leaves out, or fails where that proxy does not let them pass.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${proxy:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund proxy-from-env@2.1.0
python3 -m venv venv
venv/bin/pip install -q httpx==0.28.1

# A proxy that answers everything itself: who is answered, went through it.
cat >proxy.cjs <<'JS'
const server = require('node:http').createServer((_, response) => response.end('proxy'));
server.listen(0, '127.0.0.1', () => require('node:fs').writeFileSync('port', String(server.address().port)));
JS
node proxy.cjs &
proxy=$!
until [[ -s port ]]; do sleep 0.1; done
export http_proxy="http://127.0.0.1:$(cat port)" no_proxy=hub.test
# The host has no address, so going to it directly fails.
url=http://cdn.hub.test/file

library=$(node --input-type=module -e "
  import { getProxyForUrl } from 'proxy-from-env';
  console.log(getProxyForUrl('$url') === '' ? 'direct' : 'proxy');")
httpx=$(venv/bin/python -c "
import httpx
try:
    print(httpx.get('$url').text)
except httpx.ConnectError:
    print('direct')")
curl=$(curl -sf "$url" || echo direct)
scheme=$(https_proxy=proxy.test:3128 node --input-type=module -e "
  import { getProxyForUrl } from 'proxy-from-env';
  console.log(getProxyForUrl('https://cdn.other.test/'));")
seen="proxy-from-env $library, httpx $httpx, curl $curl, $scheme"
echo "$seen"
[[ $seen == "proxy-from-env proxy, httpx direct, curl direct, https://proxy.test:3128" ]] || { echo 'changed'; exit 1; }

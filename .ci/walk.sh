#!/usr/bin/env bash
# The README's first steps against `npm start`: it gets ready, answers, and leaves with 0 on SIGTERM. Argument: a folder.
set -euo pipefail
log=$1/start.log
key=parley_walk_0123456789abcdef
# The walk is that of a machine without a model and without a database server.
unset OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY OLLAMA_HOST DATABASE_URL
PORT=0 PARLEY_DATA=$1/data PARLEY_OWNER_KEY=$key npm start >"$log" 2>&1 &
started=$!
trap 'kill -KILL "$(server)" 2>/dev/null || true' EXIT

# npm and a shell may stand between us and the server.
server() {
  local pid=$started child
  while child=$(ps -o pid= --ppid "$pid" | head -1 | tr -d ' ') && [ -n "$child" ]; do pid=$child; done
  echo "$pid"
}

fail() {
  echo "$1"
  cat "$log"
  exit 1
}

url=
for _ in $(seq 150); do
  url=$(sed -n 's/^Parley listens on //p' "$log")
  if [ -n "$url" ] && curl -sf "$url/health/readiness"; then break; fi
  url=
  sleep 0.2
done
[ -n "$url" ] || fail 'not ready after 30 seconds'
echo

answer=$(curl -sS "$url/v1/chat/completions" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d '{
  "model": "auto",
  "messages": [{"role": "user", "content": "The rent is 950 euros a month. It is due on the third day of the month. Pets are allowed, if they are small.\n\nWhen is the rent due?"}]}')
echo "$answer"
case $answer in
  *'"object":"chat.completion"'*'due on the third day'*) ;;
  *) fail 'not the answer that was expected' ;;
esac

kill -TERM "$(server)"
code=0
wait "$started" || code=$?
trap - EXIT
[ "$code" = 0 ] || fail "left with $code"
echo 'ready, answered, left with 0'

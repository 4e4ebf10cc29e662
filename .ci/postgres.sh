# Sourced by run. start_postgres FOLDER: a throw-away cluster in FOLDER, installed first when there is none.
# Sets postgres_url and stop_postgres.

as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

find_postgres() {
  local found=(/usr/lib/postgresql/*/bin/initdb)
  [ -x "${found[-1]}" ] && dirname "${found[-1]}"
}

start_postgres() {
  local bin folder=$1/postgres port
  if ! bin=$(find_postgres); then
    local sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql || return 1
    bin=$(find_postgres) || return 1
  fi
  port=$(npm exec --no -- node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close() })')
  mkdir "$folder"
  [ "$(id -u)" = 0 ] && chown postgres "$folder"
  as_postgres "$bin/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 >"$1/initdb.log" || {
    cat "$1/initdb.log"
    return 1
  }
  # The guarantees under test include durability, so fsync stays on. Test files run side by side, each with its own servers.
  as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=400" start >/dev/null || {
    cat "$folder/log"
    return 1
  }
  postgres_bin=$bin postgres_folder=$folder
  stop_postgres=stop_cluster
  postgres_url=postgres://postgres@127.0.0.1:$port/postgres
  echo "$("$bin/postgres" --version) on port $port"
}

stop_cluster() { as_postgres "$postgres_bin/pg_ctl" -D "$postgres_folder/data" -m immediate stop >/dev/null 2>&1 || true; }

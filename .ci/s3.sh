# Sourced by run. start_s3 FOLDER: a throw-away OpenStack Swift with its S3 interface, in FOLDER; installed first when
# there is none. Sets s3_settings (variables for env) and stop_s3. Swift checks signatures, which small imitations of S3 do not.

start_s3() {
  if ! command -v swift-proxy-server >/dev/null; then
    install_packages swift-proxy swift-account swift-container swift-object || return 1
  fi
  s3_folder=$1/swift
  local user proxy part port kind
  user=$(id -un)
  mkdir -p "$s3_folder/devices/disk"
  read -r -a s3_ports < <(npm exec --no -- node -e '
    const servers = [0, 0, 0, 0].map(() => require("net").createServer().listen(0, "127.0.0.1"))
    Promise.all(servers.map((s) => new Promise((r) => s.once("listening", r)))).then(() => {
      console.log(servers.map((s) => s.address().port).join(" ")); servers.forEach((s) => s.close()) })')
  proxy=${s3_ports[0]}
  printf '[swift-hash]\nswift_hash_path_suffix = tests\nswift_hash_path_prefix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n' \
    >"$s3_folder/swift.conf"
  for part in 1 2 3; do
    kind=$(echo '' object container account | cut -d' ' -f$((part + 1)))
    port=${s3_ports[$part]}
    {
      swift-ring-builder "$s3_folder/$kind.builder" create 4 1 0
      swift-ring-builder "$s3_folder/$kind.builder" add "r1z1-127.0.0.1:$port/disk" 1
      swift-ring-builder "$s3_folder/$kind.builder" rebalance
    } >>"$s3_folder/rings.log" 2>&1 || [ -f "$s3_folder/$kind.ring.gz" ] || return 1
    printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nworkers = 0\nuser = %s\nswift_dir = %s\ndevices = %s\nmount_check = false\nlog_address = %s/no-syslog\n[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' \
      "$port" "$user" "$s3_folder" "$s3_folder/devices" "$s3_folder" "$kind" "$kind" "$kind" >"$s3_folder/$kind.conf"
  done
  cat >"$s3_folder/proxy.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $proxy
workers = 0
user = $user
swift_dir = $s3_folder
log_address = $s3_folder/no-syslog
[pipeline:main]
pipeline = catch_errors proxy-logging cache listing_formats s3api tempauth copy slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = test-region
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
CONF
  s3_pids=()
  for kind in account container object proxy; do
    "swift-$kind-server" "$s3_folder/$kind.conf" >"$s3_folder/$kind.log" 2>&1 &
    s3_pids+=($!)
  done
  stop_s3=stop_swift
  for port in "${s3_ports[@]}"; do
    # Any answer will do, also a refusal.
    curl -s -o "$s3_folder/probe" --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/" || {
      cat "$s3_folder"/*.log
      return 1
    }
  done
  s3_settings="PARLEY_TEST_S3_ENDPOINT=http://127.0.0.1:$proxy PARLEY_TEST_S3_ACCESS_KEY_ID=test:tester PARLEY_TEST_S3_SECRET_ACCESS_KEY=testing PARLEY_TEST_S3_REGION=test-region"
  echo "OpenStack Swift $(dpkg-query -Wf '${Version}' python3-swift) on port $proxy"
}

stop_swift() { kill "${s3_pids[@]}" 2>/dev/null || true; }

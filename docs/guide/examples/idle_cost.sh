#!/bin/bash
# idle_cost.sh CLIENTS [--release]: what CLIENTS idle clients cost, with threads, with poll, and loopftpd; a table.
#
# --release builds the programs for it; otherwise those in PATH are measured. Everything listens at 127.0.0.1:2122.
clients=${1:?usage: idle_cost.sh CLIENTS [--release]}
repository=$(cd "$(dirname "$0")/../../.." && pwd)
if [ "$2" = --release ]; then
    (cd "$repository" && cargo build --release --bins --examples --features ftpstorm) || exit 1
    PATH="$repository/target/release/examples:$repository/target/release:$PATH"
fi
# The server with threads needs two descriptors for a client, and they must not run out.
ulimit -n $((2 * clients + 100)) 2> /dev/null || ulimit -n "$(ulimit -Hn)"
room=$((($(ulimit -n) - 100) / 2))
if [ $room -lt "$clients" ]; then
    echo "ulimit -n is $(ulimit -n), so it is $room clients instead of $clients" >&2
    clients=$room
fi
files=$(mktemp -d)
trap 'kill $server $storm 2> /dev/null; rm -r "$files"' EXIT
chmod 755 "$files"
mkdir "$files/public"

of_process() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$server/status"; }
kernel_stacks() { awk '$1 == "KernelStack:" { print $2 }' /proc/meminfo; }
descriptors() { find "/proc/$server/fd" -type l | wc -l; }
mebibytes() { awk -v kib="$1" 'BEGIN { printf (kib < 1024 ? "%.2f MiB\n" : "%.1f MiB\n"), kib / 1024 }'; }

# Waits until the number of descriptors has not changed for two seconds.
settle() {
    local before
    until [ "$before" = "$(descriptors)" ]; do before=$(descriptors); sleep 2; done
}

columns=()
for program in threads poll loopftpd; do
    command=("$program" 127.0.0.1:2122 "$files/public")
    if [ $program = loopftpd ]; then
        command=(loopftpd --listen 127.0.0.1:2122 --max-sessions "$clients" "$files/public")
    fi
    "${command[@]}" > "$files/$program.log" 2>&1 &
    server=$!
    settle
    kill -0 $server || exit 1
    stacks=$(kernel_stacks) resident=$(of_process VmRSS)
    ftpstorm idle 127.0.0.1:2122 --clients "$clients" --duration 60s --quiet > "$files/storm.log" 2>&1 &
    storm=$!
    sleep 2
    settle
    columns+=("$(
        of_process Threads
        mebibytes "$resident"
        mebibytes "$(of_process VmRSS)"
        mebibytes $(($(kernel_stacks) - stacks))
        mebibytes "$(of_process VmPTE)"
        mebibytes "$(of_process VmSize)"
        descriptors
    )")
    kill $storm $server || exit 1
    wait $storm $server 2> /dev/null
done

printf '| %s | %s | %s | %s |\n' "$clients idle clients" threads poll loopftpd --- --- --- ---
paste -d '|' <(printf '%s\n' threads 'memory of the process before (`VmRSS`)' 'memory of the process' \
    'stacks in the kernel (`KernelStack` in `/proc/meminfo`, more than before)' 'page tables (`VmPTE`)' \
    'reserved address space (`VmSize`)' descriptors) \
    <(echo "${columns[0]}") <(echo "${columns[1]}") <(echo "${columns[2]}") | sed 's/|/ | /g; s/.*/| & |/'

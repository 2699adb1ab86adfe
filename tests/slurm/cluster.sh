# shellcheck shell=bash
# Sourced by the tests here: a Slurm of one node, of this process alone, in a temporary folder.
#   start_slurm      starts it and exports SLURM_CONF; exits with 77 (skipped) where it cannot
#   wait_for N CMD   waits up to N seconds until a command succeeds
#   job_field ID KEY prints a field of `scontrol show job`, e.g. JobState
# It is stopped and its folder removed when the script exits.

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
fail() {
  printf 'FAILED: %s\n' "$*"
  local log
  for log in "$cluster"/*.log "$cluster"/*/*.log; do
    [[ ! -s $log ]] || { printf -- '--- %s\n' "${log#"$cluster/"}"; tail -n 30 "$log"; }
  done
  exit 1
}

wait_for() {
  local deadline=$(( SECONDS + $1 ))
  shift
  until "$@" >/dev/null 2>&1; do
    (( SECONDS < deadline )) || return 1
    sleep 0.2
  done
}

job_field() { scontrol show job "$1" | grep -oP "(?<=\b$2=)\S*" | head -n 1; }
job_is() { [[ $(job_field "$1" JobState) == "$2" ]]; }

cluster=
daemons=()
stop_slurm() {
  [[ $cluster ]] || return 0
  # Daemons last started first: slurmd ends its jobs while the controller and munge still answer.
  local i job
  for job in $(squeue -h -o %A 2>/dev/null); do scancel "$job" 2>/dev/null; done
  wait_for 20 no_job || true
  for (( i = ${#daemons[@]} - 1; i >= 0; --i )); do
    kill "${daemons[i]}" 2>/dev/null && wait "${daemons[i]}" 2>/dev/null
  done
  rm -rf "$cluster"
}
no_job() { [[ -z $(squeue -h -o %A) ]]; }

free_port() {
  local port
  while true; do
    port=$(( 20000 + RANDOM % 12000 ))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

start_slurm() {
  local program
  for program in munged slurmctld slurmd sbatch scontrol mpirun; do
    PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || skip "$program is not installed (slurm-wlm, munge)"
  done
  export PATH=$PATH:/usr/sbin:/sbin
  cluster=$(mktemp -d)
  trap stop_slurm EXIT
  chmod 755 "$cluster"
  mkdir "$cluster"/{munge,state,spool}
  local user as_munge=() host
  user=$(id -un)
  host=$(hostname -s)

  head -c 1024 /dev/urandom >"$cluster/munge/key"
  chmod 600 "$cluster/munge/key"
  if [[ $(id -u) == 0 ]]; then  # munged refuses to run as root
    id munge >/dev/null 2>&1 || skip "there is no user munge"
    chown -R munge: "$cluster/munge"
    as_munge=(setpriv --reuid munge --regid munge --clear-groups)
  fi
  "${as_munge[@]}" munged --foreground --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
    --pid-file="$cluster/munge/pid" --seed-file="$cluster/munge/seed" >"$cluster/munged.log" 2>&1 &
  daemons+=($!)
  wait_for 10 munge --socket="$cluster/munge/socket" --no-input || skip_with_log munged

  # cred_expire also sets how long a requeued job waits before it may start again.
  cat >"$cluster/slurm.conf" <<CONF
ClusterName=widelimit_test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
KillWait=20
ReturnToService=2
MpiDefault=none
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF=$cluster/slurm.conf
  slurmctld -D >"$cluster/slurmctld.out" 2>&1 &
  daemons+=($!)
  wait_for 20 scontrol ping || skip_with_log slurmctld
  slurmd -D >"$cluster/slurmd.out" 2>&1 &
  daemons+=($!)
  wait_for 30 node_is_idle_or_lost
  node_is_idle || skip_with_log slurmd
}
node_is_idle() { [[ $(sinfo -h -o %t) == idle ]]; }
node_is_idle_or_lost() { node_is_idle || ! kill -0 "${daemons[-1]}"; }

skip_with_log() {
  tail -n 5 "$cluster/$1.log" "$cluster/$1.out" 2>/dev/null
  skip "$1 does not start here"
}

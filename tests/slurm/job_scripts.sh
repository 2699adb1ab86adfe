#!/usr/bin/env bash
# The job scripts forward the signal before the time limit, requeue a job that saved its state, and no other.
#   job_scripts.sh    (from anywhere; exits with 77 where no Slurm can be started)
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.." || exit 1
# shellcheck source=tests/slurm/cluster.sh
source "$here/cluster.sh"
start_slurm
export WIDELIMIT=$here/fake_widelimit.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks=$(( $(nproc) > 1 ? 2 : 1 ))
last=$(( ranks - 1 ))

submit() {  # JOB_SCRIPT ARGUMENT...: prints the job's number
  sbatch --parsable --nodes=1 --ntasks=$ranks --ntasks-per-node=$ranks --cpus-per-task=1 --output="$cluster/%j.log" "$@"
}
started() { [[ -e $1.0.started && -e $1.$last.started ]]; }

for script in one_node many_nodes; do
  work=$cluster/$script
  job=$(submit "jobs/$script.sh" "$work") || fail "$script: not accepted"
  wait_for 30 started "$work" || fail "$script: did not start"
  scancel --batch --signal=USR1 "$job"
  wait_for 60 job_is "$job" COMPLETED || fail "$script: $(job_field "$job" JobState) after the signal"
  [[ $(job_field "$job" Restarts) == 1 ]] || fail "$script: restarted $(job_field "$job" Restarts) times, not once"
  [[ -e $work.0.done && -e $work.$last.done ]] || fail "$script: not all ranks were resumed"
  grep -q 'with 1 threads' "$work.0.done" || fail "$script: the number of threads is wrong"
  echo "$script: signalled, requeued, finished"
done

# Slurm itself sends the signal ahead of the limit: of one minute, 58 seconds before its end.
work=$cluster/limit
job=$(submit --time=1 --signal=B:USR1@58 jobs/one_node.sh "$work") || fail "limit: not accepted"
wait_for 90 job_is "$job" COMPLETED || fail "limit: $(job_field "$job" JobState)"
[[ $(job_field "$job" Restarts) == 1 && -e $work.0.done ]] || fail "limit: not resumed"
echo "time limit: signalled by Slurm, requeued, finished"

work=$cluster/cancelled
job=$(submit jobs/many_nodes.sh "$work") || fail "cancelled: not accepted"
wait_for 30 started "$work" || fail "cancelled: did not start"
scancel "$job"
wait_for 60 no_job || fail "cancelled: still there"
job_is "$job" CANCELLED || fail "cancelled: $(job_field "$job" JobState) instead"
echo "cancelled: stays so"

job=$(MAX_RESTARTS=0 submit jobs/one_node.sh "$cluster/restarts") || fail "restarts: not accepted"
wait_for 30 started "$cluster/restarts" || fail "restarts: did not start"
scancel --batch --signal=USR1 "$job"
wait_for 60 job_is "$job" FAILED || fail "restarts: $(job_field "$job" JobState) although no restart was allowed"
[[ $(job_field "$job" ExitCode) == 75:0 ]] || fail "restarts: exit status $(job_field "$job" ExitCode)"
echo "no restart allowed: ends with 75"

job=$(submit jobs/one_node.sh wrong) || fail "wrong input: not accepted"
wait_for 60 job_is "$job" FAILED || fail "wrong input: $(job_field "$job" JobState)"
[[ $(job_field "$job" ExitCode) == 2:0 ]] || fail "wrong input: exit status $(job_field "$job" ExitCode)"
echo "wrong input: fails with 2, not requeued"

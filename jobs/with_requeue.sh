#!/usr/bin/env bash
# Runs a command as the one step of a Slurm batch job, so that the job survives its time limit:
#
#   exec jobs/with_requeue.sh mpirun ... widelimit run INPUT.yaml --resume
#
# A signal that Slurm sends to the job's shell ahead of the limit (#SBATCH --signal=B:USR1@120) goes on to the command;
# when that exits with status 75, everything saved, the job puts itself back into the queue. `exec` makes this script
# the job's shell, the only process that --signal=B: reaches.
set -u

"$@" &
step=$!

# mpirun and srun pass SIGUSR1 on to all ranks. SIGTERM becomes SIGUSR1 on the way: on SIGTERM itself mpirun would kill
# the ranks before their checkpoint is written.
signalled=
# shellcheck disable=SC2329  # called by the trap
forward() {
  signalled=1
  echo "$(date '+%F %T') job $SLURM_JOB_ID: asked to stop; the program saves its state"
  kill -USR1 "$step" 2>/dev/null
}
trap forward USR1 TERM

# A trapped signal ends `wait` early, with a status above 128: wait again for the real one.
while true; do
  signalled=
  wait "$step"
  status=$?
  if [[ ! $signalled ]] || (( status <= 128 )); then break; fi
done
trap '' USR1
trap - TERM  # by which Slurm ends this script when it requeues the job

(( status == 75 )) || exit "$status"

# A job that was cancelled stays so, although it saved its state on the way out; one that is preempted or whose node is
# drained is put back by Slurm itself.
state=$(scontrol show job "$SLURM_JOB_ID" | grep -o 'JobState=[A-Z_]*')
if [[ $state != JobState=RUNNING ]]; then
  echo "job $SLURM_JOB_ID: ${state#JobState=}, its state saved; submit it again to go on"
elif (( ${SLURM_RESTART_COUNT:-0} >= ${MAX_RESTARTS:-1000} )); then
  echo "job $SLURM_JOB_ID: restarted ${SLURM_RESTART_COUNT:-0} times, no more (MAX_RESTARTS); submit it again to go on"
else
  echo "$(date '+%F %T') job $SLURM_JOB_ID: back into the queue"
  scontrol requeue "$SLURM_JOB_ID" && sleep 600
  echo "job $SLURM_JOB_ID: could not be requeued; submit it again to go on"
fi
exit 75

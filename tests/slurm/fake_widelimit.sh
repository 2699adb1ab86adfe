#!/usr/bin/env bash
# Stands in for `widelimit run STATE --resume` in the test of the job scripts: each rank works for a long time unless
# STATE.RANK.saved is there, saves its state and exits with 75 on SIGUSR1, and exits with 2 if STATE is `wrong`.
[[ $1 == run && ${*: -1} == --resume ]] || exit 1
[[ $2 != wrong ]] || exit 2
state=$2.${OMPI_COMM_WORLD_RANK:-$SLURM_PROCID}
if [[ -e $state.saved ]]; then
  echo "with $OMP_NUM_THREADS threads" >"$state.done"
  exit 0
fi
trap 'touch "$state.saved"; exit 75' USR1
touch "$state.started"
for (( i = 0; i < 600; ++i )); do sleep 0.1; done
exit 1

#!/usr/bin/env bash
# Slurm job: widelimit on several nodes. From the root of this project's clone, in a folder that all nodes see:
#
#   sbatch jobs/many_nodes.sh inputs/fashion_mnist_ntk.yaml [options of `widelimit run`]
#
# Two minutes before the time limit widelimit writes its checkpoint and the job goes back into the queue, to continue
# where it stopped, as with jobs/one_node.sh.
#
# To adapt:
#   --nodes, --time, --mem      `widelimit check INPUT` prints what the job needs
#   --ntasks-per-node, --cpus-per-task   ranks on a node, and threads of each: their product is a node's cores. One
#                               rank for each socket or NUMA domain is a good choice
#   --partition, --account      add what your site asks for
#   --signal                    more than 120 seconds, if a checkpoint takes longer
#   WIDELIMIT                   the program, if it is not this clone's release build
#   SRUN_OPTIONS                how your site starts MPI programs, e.g. --mpi=pmix (`srun --mpi=list` shows the choice)
#   MAX_RESTARTS                how many times the job may go back into the queue (default 1000)
#SBATCH --job-name=widelimit
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#SBATCH --output=widelimit_%j.log
set -eu

# Load what widelimit was built with, for example:
# module load gcc openmpi hdf5 kokkos

export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
# From Slurm 22.05 on, a step no longer takes --cpus-per-task over from its job.
# shellcheck disable=SC2086  # SRUN_OPTIONS may hold several
exec jobs/with_requeue.sh \
  srun --cpus-per-task="$OMP_NUM_THREADS" ${SRUN_OPTIONS:-} \
  "${WIDELIMIT:-build/release/src/cli/widelimit}" run "${@:?the input file is missing}" --resume

#!/usr/bin/env bash
# Slurm job: widelimit on one node. From the root of this project's clone:
#
#   sbatch jobs/one_node.sh inputs/fashion_mnist_ntk.yaml [options of `widelimit run`]
#
# Two minutes before the time limit widelimit writes its checkpoint and the job goes back into the queue, to continue
# where it stopped. So --time may be far shorter than the run, and short jobs start sooner; it must be long enough for
# reading the data, some tiles and the checkpoint.
#
# To adapt:
#   --time, --mem               what your queue likes; `widelimit check INPUT` prints what the job needs
#   --ntasks, --cpus-per-task   ranks, and threads of each: their product is the node's cores. One rank for each socket
#                               or NUMA domain is a good choice
#   --partition, --account      add what your site asks for
#   --signal                    more than 120 seconds, if a checkpoint takes longer
#   WIDELIMIT                   the program, if it is not this clone's release build
#   MAX_RESTARTS                how many times the job may go back into the queue (default 1000)
#SBATCH --job-name=widelimit
#SBATCH --nodes=1
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#SBATCH --output=widelimit_%j.log
set -eu

# Load what widelimit was built with, for example:
# module load gcc openmpi hdf5 kokkos

export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
# By default mpirun would bind each rank, with all its threads, to one core.
exec jobs/with_requeue.sh \
  mpirun -n "$SLURM_NTASKS" --map-by "slot:PE=$OMP_NUM_THREADS" \
  "${WIDELIMIT:-build/release/src/cli/widelimit}" run "${@:?the input file is missing}" --resume

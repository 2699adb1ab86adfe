#!/usr/bin/env bash
# A run under Slurm that is signalled, saves its state, is requeued and resumed gives the same bits as one that is
# left alone.
#   checkpoint.sh WIDELIMIT PYTHON    (exits with 77 where no Slurm can be started)
set -u
export WIDELIMIT=$1 python=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.." || exit 1
# shellcheck source=tests/slurm/cluster.sh
source "$here/cluster.sh"
start_slurm
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
ranks=$(( $(nproc) > 1 ? 2 : 1 ))

"$python" - "$cluster/data.h5" <<'PYTHON' || fail "no data"
import sys
import h5py
import numpy as np
with h5py.File(sys.argv[1], "w") as file:
    file["inputs"] = np.random.default_rng(7).standard_normal((2000, 8))
PYTHON

# The network is made deep enough for a run of some seconds on this machine, so that the signal falls into its middle.
depth=50
while true; do
  cat >"$cluster/input.yaml" <<YAML
data: {train: {file: data.h5, inputs: /inputs}}
network:
  - repeat: {times: $depth, layers: [dense: {w_std: 1.4142135623730951}, relu]}
  - dense
job: {type: gram}
resources: {tile: 100}
output: {file: reference.h5}
YAML
  begin=$SECONDS
  mpirun --oversubscribe --bind-to none -n $ranks "$WIDELIMIT" run "$cluster/input.yaml" --overwrite \
    >"$cluster/reference.log" 2>&1 || fail "the run left alone fails"
  (( SECONDS - begin < 6 )) || break
  (( depth *= 2 ))
  (( depth < 100000 )) || fail "no network is deep enough to be interrupted"
done

has_output() { compgen -G "$cluster/resumed.h5*"; }
job=$(sbatch --parsable --nodes=1 --ntasks=$ranks --cpus-per-task=1 --output="$cluster/%j.log" jobs/one_node.sh \
  "$cluster/input.yaml" --output "$cluster/resumed.h5") || fail "the job is not accepted"
wait_for 30 has_output || fail "the job does not start"
sleep 2
scancel --batch --signal=USR1 "$job"
wait_for 120 job_is "$job" COMPLETED || fail "the job is $(job_field "$job" JobState)"
[[ $(job_field "$job" Restarts) == 1 ]] || fail "the job was restarted $(job_field "$job" Restarts) times, not once"
grep -qi 'resum' "$cluster/$job.log" || fail "the second start did not resume"

"$python" - "$cluster/reference.h5" "$cluster/resumed.h5" <<'PYTHON' || fail "the results differ"
import sys
import h5py
import numpy as np
with h5py.File(sys.argv[1]) as reference, h5py.File(sys.argv[2]) as resumed:
    for kernel in ("nngp", "ntk"):
        values = reference[f"gram/{kernel}"][:]
        assert np.all(values.diagonal() > 0), kernel
        assert np.array_equal(values, resumed[f"gram/{kernel}"][:]), kernel
PYTHON
echo "signalled, requeued, resumed: the same bits"

#!/bin/bash
# A SLURM of one node on this machine, for tests: as root, from the distribution's packages.
#
#   apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge
#   eval "$(scripts/slurm_local.sh up FOLDER)"     # state and logs go to FOLDER; sets SLURM_CONF, PATH
#   python -m bench run -m experiment=smoke hydra/launcher=submitit_slurm \
#       hydra.launcher.partition=local hydra.launcher.cpus_per_task=1 hydra.launcher.mem_gb=null
#   scripts/slurm_local.sh down FOLDER
#
# It starts its own munged, slurmctld and slurmd on ports of its own, and touches no system service.
set -euo pipefail
usage="usage: slurm_local.sh up|down FOLDER"
verb=${1:?$usage}
folder=$(realpath -m "${2:?$usage}")
host=$(hostname -s)

up() {
    for program in slurmctld slurmd munged sinfo; do
        command -v "$program" > /dev/null || { echo "$program is not installed; see the head of $0" >&2; exit 1; }
    done
    [ "$(id -u)" = 0 ] || { echo "slurmd needs root" >&2; exit 1; }
    mkdir -p "$folder"/{state,spool,log,bin}
    chmod 755 "$folder"
    [ -f "$folder/munge.key" ] || (umask 077; head -c 128 /dev/urandom > "$folder/munge.key")
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
        --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed"
    cat > "$folder/slurm.conf" << CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
KillWait=2
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=local Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    # Without an accounting database there is no sacct, and submitit would wait for ever for a task
    # that was killed: what it asks for (JobID|State|NodeList) is read from the controller.
    cat > "$folder/bin/sacct" << 'SACCT'
#!/bin/bash
echo 'JobID|State|NodeList'
scontrol -o show job 2> /dev/null |
    sed -nE 's/.*ArrayJobId=([0-9]+) ArrayTaskId=([0-9]+) .*JobState=([A-Z_]+) .*/\1_\2|\3|local/p'
SACCT
    chmod +x "$folder/bin/sacct"
    export SLURM_CONF="$folder/slurm.conf"
    slurmctld -c >&2
    slurmd >&2
    for _ in $(seq 100); do
        sinfo -h -o %T 2> /dev/null | grep -q idle && break
        sleep 0.2
    done
    sinfo -h -o %T | grep -q idle || { echo "the node does not come up; see $folder/log" >&2; exit 1; }
    echo "export SLURM_CONF=$folder/slurm.conf PATH=$folder/bin:\$PATH"
}

down() {
    export SLURM_CONF="$folder/slurm.conf"
    scancel --quiet --user="$(id -un)" 2> /dev/null || true # in this SLURM: no task outlives it
    for _ in $(seq 100); do
        [ -z "$(squeue -h 2> /dev/null)" ] && break
        sleep 0.2
    done
    for daemon in slurmd slurmctld munged; do
        [ -f "$folder/$daemon.pid" ] && kill "$(cat "$folder/$daemon.pid")" 2> /dev/null || true
    done
}

case $verb in
    up | down) "$verb" ;;
    *) echo "$usage" >&2; exit 2 ;;
esac

# A Slurm cluster of one node, which is this machine.
state=/var/lib/gittrack-slurm

if ! command -v sbatch >/dev/null || ! command -v pgrep >/dev/null; then
  "$(dirname "$0")/../install" slurmctld slurmd slurm-client munge procps
fi

node=$(hostname -s)
mkdir -p /etc/slurm "$state"/{ctld,d,log} /run/munge
if ! grep -qs "^# gittrack: $node" /etc/slurm/slurm.conf; then
  cat >/etc/slurm/slurm.conf <<CONF
# gittrack: $node
ClusterName=gittrack
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
SlurmctldPidFile=$state/ctld.pid
SlurmdPidFile=$state/d.pid
SlurmctldLogFile=$state/log/ctld.log
SlurmdLogFile=$state/log/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
MessageTimeout=60
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:16
CONF
fi

start() { # PROGRAM ARGUMENT...: in the background, unless it runs already
  local pid
  for pid in $(pgrep -x "$1" || true); do
    grep -qs '^State:.*Z' "/proc/$pid/status" || return 0
  done
  setsid nohup "$@" >>"$state/log/$1.log" 2>&1 </dev/null &
}
is_up() { [ "$(timeout 10 sinfo --noheader --format=%a 2>/dev/null)" = up ] && timeout 60 srun true 2>/dev/null; }

if ! is_up; then
  chown -R munge: /run/munge /etc/munge /var/lib/munge /var/log/munge
  pgrep -x munged >/dev/null || runuser -u munge -- munged
  start slurmctld -D
  start slurmd -D
  for _ in $(seq 60); do
    is_up && break
    scontrol update "nodename=$node" state=resume >/dev/null 2>&1 || true
    sleep 0.5
  done
fi
is_up || { tail -20 "$state"/log/*.log >&2; exit 1; }

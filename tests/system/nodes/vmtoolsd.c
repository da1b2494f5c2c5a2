/* The lab's VMware Tools daemon: what timeSync.c of open-vm-tools does to a guest's clock.
 *
 * One-time: at start it sets the clock to the hypervisor's, both ways. Periodic: every 60 s it
 * steps the clock forward when it is behind (and leaves it alone when ahead), while the option
 * "synctime" is on. `disable-all` stops both. The hypervisor's clock is the machine's: a direct
 * system call gets past the node's fake clock. Off VMware there is no backdoor, hence no effect.
 *
 *   vmtoolsd [-p PIDFILE] [-i PERIOD_S]
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int says(const char *path, const char *word)
{
	char line[256];
	int found = 0;
	FILE *f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof line, f))
		found = strstr(line, word) && !strchr("#;", line[0]);
	if (f)
		fclose(f);
	return found;
}

static void sync_clock(int both_ways)
{
	struct timespec host, guest;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &host);
	clock_gettime(CLOCK_REALTIME, &guest);
	double behind = (double)(host.tv_sec - guest.tv_sec) + (host.tv_nsec - guest.tv_nsec) / 1e9;
	if (behind > 0 || both_ways)
		clock_settime(CLOCK_REALTIME, &host);
}

int main(int argc, char **argv)
{
	int option, period = 60;
	const char *pidfile = 0;
	while ((option = getopt(argc, argv, "p:i:")) != -1) {
		if (option == 'p')
			pidfile = optarg;
		else if (option == 'i')
			period = atoi(optarg);
		else
			return 64;
	}
	if (daemon(0, 0) < 0)
		return 1;
	FILE *f = pidfile ? fopen(pidfile, "w") : 0;
	if (f) {
		fprintf(f, "%d\n", getpid());
		fclose(f);
	}
	for (int first = 1;; first = 0) {
		int here = says("/sys/class/dmi/id/sys_vendor", "VMware");
		int off = says("/etc/vmware-tools/tools.conf", "disable-all=true");
		int periodic = access("/var/lib/vmware/synctime", F_OK) == 0
			&& !says("/etc/vmware-tools/tools.conf", "disable-periodic=true");
		if (here && !off && (first || periodic))
			sync_clock(first);
		sleep(period);
	}
}

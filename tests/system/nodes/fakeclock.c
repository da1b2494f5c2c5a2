/* A settable, drifting CLOCK_REALTIME for all processes of one node (LD_PRELOAD, 64-bit glibc).
 *
 * CLOCK_REALTIME has no namespace. This library answers for it from a clock kept in one shared
 * file, so that every process of the node sees the same clock, and a real chronyd, `date -s` or
 * settimeofday() acts on that clock and never on the host's:
 *
 *   raw  = base_fake + (real - base_real) * (1 + drift)          what the crystal does
 *   fake = ... * (tick / 10000 us + freq) + slew at <= 500 ppm   what adjtimex(2) makes of it
 *
 * The file holds two states; `seq & 1` names the valid one. A writer (under flock) fills the other
 * one and then publishes it, so a reader never waits and a killed writer leaves no damage.
 * fakeclock.py reads and writes the same layout.
 *
 * Not covered: static binaries, direct system calls, libc-internal readings (syslog's stamps), and
 * what the kernel does by itself: file times, absolute CLOCK_REALTIME deadlines. ADJ_OFFSET is a
 * linear slew and not the kernel's PLL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#ifndef FAKECLOCK_PATH
#define FAKECLOCK_PATH "/run/fakeclock"
#endif

#define NS 1000000000LL
#define MAGIC 0x314b434c43454b46LL /* "FKECLCK1" */
#define PHASE_LIMIT 16000000LL     /* us: NTP_PHASE_LIMIT, from here on the kernel says STA_UNSYNC */

struct state {
	int64_t base_real, base_fake; /* ns since 1970, taken together */
	int64_t drift;                /* ppb of the crystal, positive = fast */
	int64_t freq, tick;           /* adjtimex: 2^-16 ppm, us per USER_HZ tick */
	int64_t slew;                 /* ns still to be worked off */
	int64_t status, maxerror, esterror, constant, tai; /* adjtimex: STA_*, us, us, -, s */
};
struct shared {
	int64_t magic;
	uint64_t seq;
	struct state slot[2];
};

static const struct shared *clk;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_setsockopt)(int, int, int, const void *, socklen_t);
static ssize_t (*real_recvmsg)(int, struct msghdr *, int);
static int (*real_recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);

__attribute__((constructor)) static void attach(void)
{
	if (real_gettime)
		return;
	real_setsockopt = dlsym(RTLD_NEXT, "setsockopt");
	real_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	real_recvmmsg = dlsym(RTLD_NEXT, "recvmmsg");
	real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	int saved = errno, fd = open(FAKECLOCK_PATH, O_RDONLY | O_CLOEXEC);
	struct stat is;
	if (fd >= 0) {
		void *at = MAP_FAILED;
		if (fstat(fd, &is) == 0 && is.st_size >= (off_t)sizeof *clk) /* empty while the node boots */
			at = mmap(0, sizeof *clk, PROT_READ, MAP_SHARED, fd, 0);
		if (at != MAP_FAILED && ((struct shared *)at)->magic == MAGIC)
			clk = at;
		close(fd);
	}
	errno = saved;
}

static int64_t real_now(void)
{
	struct timespec t;
	attach();
	real_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

static int64_t slewed(const struct state *s, int64_t elapsed)
{
	int64_t most = (elapsed > 0 ? elapsed : 0) / 2000, left = s->slew < 0 ? -s->slew : s->slew;
	return (s->slew < 0 ? -1 : 1) * (left < most ? left : most);
}

static int64_t fake_at(const struct state *s, int64_t real)
{
	int64_t e = real - s->base_real;
	e += (__int128)e * s->drift / NS;
	e += (__int128)e * ((s->tick - 10000) * 100 * 65536 + s->freq) / (65536 * 1000000LL);
	return s->base_fake + e + slewed(s, real - s->base_real);
}

static int64_t fake_now(struct state *out)
{
	attach();
	if (!clk)
		return real_now();
	for (;;) {
		uint64_t seq = __atomic_load_n(&clk->seq, __ATOMIC_ACQUIRE);
		struct state s = clk->slot[seq & 1];
		int64_t real = real_now();
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&clk->seq, __ATOMIC_RELAXED) != seq)
			continue;
		if (out)
			*out = s;
		return fake_at(&s, real);
	}
}

/* The state as of `real`: same clock, nothing jumps, but its numbers may now be changed. */
static void rebase(struct state *s, int64_t real)
{
	int64_t now = fake_at(s, real), e = real - s->base_real;
	s->maxerror += (e > 0 ? e : 0) / NS * 500;
	if (s->maxerror >= PHASE_LIMIT) {
		s->maxerror = PHASE_LIMIT;
		s->status |= STA_UNSYNC;
	}
	s->slew -= slewed(s, e);
	s->base_real = real;
	s->base_fake = now;
}

/* Lock the file and hand out a rebased copy to change. Who may write the file may set the clock: the
 * stand-in of CAP_SYS_TIME, which a daemon that runs as a user of its own gets by owning it. */
static struct shared *begin(struct state *s, int *fd)
{
	attach();
	*fd = clk ? open(FAKECLOCK_PATH, O_RDWR | O_CLOEXEC) : -1;
	void *at = *fd < 0 ? MAP_FAILED : mmap(0, sizeof *clk, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (at == MAP_FAILED || flock(*fd, LOCK_EX) < 0) {
		errno = EPERM;
		return 0;
	}
	struct shared *w = at;
	*s = w->slot[w->seq & 1];
	rebase(s, real_now());
	return w;
}

static int publish(struct shared *w, const struct state *s, int fd)
{
	w->slot[(w->seq + 1) & 1] = *s;
	__atomic_store_n(&w->seq, w->seq + 1, __ATOMIC_RELEASE);
	munmap(w, sizeof *w);
	close(fd); /* drops the lock */
	return 0;
}

static int set_to(int64_t ns)
{
	struct state s;
	int fd;
	struct shared *w = begin(&s, &fd);
	if (!w)
		return -1;
	s.base_fake = ns;
	s.slew = 0;
	s.status |= STA_UNSYNC; /* as the kernel's ntp_clear() */
	s.maxerror = s.esterror = PHASE_LIMIT;
	return publish(w, &s, fd);
}

/* --- readers --- */

int clock_gettime(clockid_t id, struct timespec *t)
{
	struct state s = {0};
	attach();
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE && id != CLOCK_TAI)
		return real_gettime(id, t);
	int64_t now = fake_now(&s) + (id == CLOCK_TAI ? s.tai * NS : 0);
	t->tv_sec = now / NS;
	t->tv_nsec = now % NS;
	return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	int64_t now = fake_now(0);
	*t = (struct timeval){now / NS, now % NS / 1000};
	if (zone)
		*(struct timezone *)zone = (struct timezone){0, 0};
	return 0;
}

time_t time(time_t *t)
{
	time_t now = fake_now(0) / NS;
	return t ? (*t = now) : now;
}

int timespec_get(struct timespec *t, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, t) == 0 ? base : 0;
}

struct timeb { time_t time; unsigned short millitm; short timezone, dstflag; };
int ftime(struct timeb *t)
{
	int64_t now = fake_now(0);
	*t = (struct timeb){now / NS, now % NS / 1000000, 0, 0};
	return 0;
}

/* --- writers --- */

int clock_settime(clockid_t id, const struct timespec *t)
{
	if (id != CLOCK_REALTIME || t->tv_nsec < 0 || t->tv_nsec >= NS)
		return errno = EINVAL, -1;
	return set_to(t->tv_sec * NS + t->tv_nsec);
}

int settimeofday(const struct timeval *t, const struct timezone *zone)
{
	(void)zone; /* the kernel's own time zone belongs to the host */
	return t ? set_to(t->tv_sec * NS + t->tv_usec * 1000LL) : 0;
}

int adjtime(const struct timeval *delta, struct timeval *old)
{
	struct state s;
	int fd;
	fake_now(&s);
	if (clk)
		rebase(&s, real_now());
	if (old)
		*old = (struct timeval){s.slew / NS, s.slew % NS / 1000};
	if (!delta)
		return 0;
	struct shared *w = begin(&s, &fd);
	if (!w)
		return -1;
	s.slew = delta->tv_sec * NS + delta->tv_usec * 1000LL;
	return publish(w, &s, fd);
}

static int apply(struct state *s, const struct timex *x)
{
	unsigned modes = x->modes;
	if (modes & ADJ_SETOFFSET) {
		int64_t sub = x->time.tv_usec * (modes & ADJ_NANO ? 1 : 1000);
		if (sub < 0 || sub >= NS)
			return -1;
		s->base_fake += x->time.tv_sec * NS + sub;
	}
	if ((modes & ADJ_TICK) && (x->tick < 9000 || x->tick > 11000))
		return -1;
	if (modes & ADJ_STATUS)
		s->status = (x->status & 0xff) | (s->status & STA_NANO);
	if (modes & ADJ_NANO)
		s->status |= STA_NANO;
	if (modes & ADJ_MICRO)
		s->status &= ~STA_NANO;
	if (modes & ADJ_FREQUENCY)
		s->freq = x->freq > 32768000 ? 32768000 : x->freq < -32768000 ? -32768000 : x->freq;
	if (modes & ADJ_MAXERROR)
		s->maxerror = x->maxerror;
	if (modes & ADJ_ESTERROR)
		s->esterror = x->esterror;
	if (modes & ADJ_TIMECONST)
		s->constant = x->constant;
	if (modes & ADJ_TAI)
		s->tai = x->constant;
	if (modes & ADJ_TICK)
		s->tick = x->tick;
	if (modes & ADJ_OFFSET)
		s->slew = x->offset * (s->status & STA_NANO ? 1 : 1000);
	return 0;
}

int adjtimex(struct timex *x)
{
	struct state s;
	int fd, single = (x->modes & ADJ_OFFSET_SINGLESHOT) == ADJ_OFFSET_SINGLESHOT;
	int64_t now = fake_now(&s);
	attach();
	if (!clk) /* preloaded without a clock: the host's is not ours to adjust */
		return errno = EPERM, -1;
	if (single) { /* what adjtime(3) is made of: microseconds, returns what was left */
		struct timeval old, delta = {x->offset / 1000000, x->offset % 1000000};
		if (adjtime((x->modes & 0x2000) ? 0 : &delta /* ADJ_OFFSET_SS_READ */, &old) < 0)
			return -1;
		x->offset = old.tv_sec * 1000000 + old.tv_usec;
		fake_now(&s);
	} else if (x->modes) {
		struct shared *w = begin(&s, &fd);
		if (!w)
			return -1;
		struct state before = s;
		int bad = apply(&s, x);
		publish(w, bad ? &before : &s, fd);
		if (bad)
			return errno = EINVAL, -1;
		now = fake_now(&s);
	}
	rebase(&s, real_now());
	if (!single)
		x->offset = s.slew / (s.status & STA_NANO ? 1 : 1000);
	x->freq = s.freq, x->tick = s.tick, x->status = s.status, x->constant = s.constant;
	x->maxerror = s.maxerror, x->esterror = s.esterror, x->tai = s.tai;
	x->precision = 1, x->tolerance = 32768000;
	x->ppsfreq = x->jitter = x->shift = x->stabil = x->jitcnt = x->calcnt = x->errcnt = x->stbcnt = 0;
	x->time.tv_sec = now / NS;
	x->time.tv_usec = now % NS / (s.status & STA_NANO ? 1 : 1000);
	return s.status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
}

int ntp_adjtime(struct timex *x)
{
	return adjtimex(x);
}

int clock_adjtime(clockid_t id, struct timex *x)
{
	return id == CLOCK_REALTIME ? adjtimex(x) : (errno = EOPNOTSUPP, -1);
}

int ntp_gettimex(struct ntptimeval *t)
{
	struct timex x = {0};
	int r = adjtimex(&x);
	if (r >= 0) {
		*t = (struct ntptimeval){.time = x.time, .maxerror = x.maxerror, .esterror = x.esterror, .tai = x.tai};
		if (x.status & STA_NANO)
			t->time.tv_usec /= 1000;
	}
	return r;
}

/* --- stamps of packets ---
 *
 * The kernel stamps them with the host's clock. SO_TIMESTAMPNS is granted and translated, as ntpd
 * and timesyncd do not work without; the others are refused, and daemons take this one instead.
 */

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	attach();
	if (clk && level == SOL_SOCKET) {
		switch (name) {
		case SO_TIMESTAMP: case SO_TIMESTAMPING: /* and the 64-bit twins of all three */
		case 63: case 64: case 65:
			return errno = ENOPROTOOPT, -1;
		}
	}
	return real_setsockopt(fd, level, name, value, size);
}

static void translate(struct msghdr *m)
{
	struct state s;
	struct timespec t;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		fake_now(&s);
		memcpy(&t, CMSG_DATA(c), sizeof t);
		int64_t at = fake_at(&s, t.tv_sec * NS + t.tv_nsec);
		t = (struct timespec){at / NS, at % NS};
		memcpy(CMSG_DATA(c), &t, sizeof t);
	}
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	attach();
	ssize_t n = real_recvmsg(fd, m, flags);
	if (clk && n >= 0)
		translate(m);
	return n;
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned count, int flags, struct timespec *timeout)
{
	attach();
	int n = real_recvmmsg(fd, m, count, flags, timeout);
	for (int i = 0; clk && i < n; i++)
		translate(&m[i].msg_hdr);
	return n;
}

/* main.c serves one of lastack's apps on lwIP, by its raw API, on a TAP that is there:
 *
 *	lwip-subject TAP ADDRESS PORT=KIND[,delay=TIME][,bytes=N]
 *
 * All of lwIP runs in its own thread; the callbacks below are called there. See
 * harness/app for what each kind does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"
#include "netif/tapif.h"

enum kind { ECHO, DISCARD, SERVER_CLOSES, SLOW_CLOSER, HALF_CLOSER, LEAKER, ABORTER, UNREAD, KINDS };

static const char *const names[KINDS] = {
	"echo", "discard", "server-closes", "slow-closer", "half-closer", "leaker", "aborter", "unread",
};

static struct {
	enum kind kind;
	u16_t port;
	u32_t delay; /* ms */
	u32_t bytes;
} app;

/* conn is a connection that the app has not closed. */
struct conn {
	struct tcp_pcb *pcb;
	struct pbuf *unsent; /* read, and not yet echoed; or never read */
	u32_t owed;          /* bytes that a half-closer has yet to send */
	int eof;
};

static err_t on_poll_close(void *arg, struct tcp_pcb *pcb);

/* finish gives the connection up: the stack alone has it from now on. */
static void finish(struct conn *c)
{
	struct tcp_pcb *pcb = c->pcb;

	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	if (tcp_close(pcb) != ERR_OK)
		tcp_poll(pcb, on_poll_close, 1); /* no memory for the FIN: try again */
	if (c->unsent != NULL)
		pbuf_free(c->unsent);
	free(c);
}

static err_t on_poll_close(void *arg, struct tcp_pcb *pcb)
{
	(void)arg;
	tcp_close(pcb);
	return ERR_OK;
}

static void on_delay(void *arg)
{
	finish(arg);
}

/* flush echoes what was read, as far as there is room. */
static void flush(struct conn *c)
{
	while (c->unsent != NULL) {
		struct pbuf *p = c->unsent;
		u16_t n = LWIP_MIN(p->len, tcp_sndbuf(c->pcb));

		if (n == 0 || tcp_write(c->pcb, p->payload, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		tcp_recved(c->pcb, n);
		c->unsent = pbuf_free_header(p, n);
	}
	tcp_output(c->pcb);
}

/* pay sends what a half-closer owes, as far as there is room. */
static void pay(struct conn *c)
{
	static const char zeros[1024];

	while (c->owed > 0) {
		u16_t n = LWIP_MIN(LWIP_MIN(c->owed, sizeof(zeros)), tcp_sndbuf(c->pcb));

		if (n == 0 || tcp_write(c->pcb, zeros, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		c->owed -= n;
	}
	tcp_output(c->pcb);
}

/* advance closes once there is nothing left to do. */
static void advance(struct conn *c)
{
	switch (app.kind) {
	case ECHO:
	case SLOW_CLOSER:
		flush(c);
		if (!c->eof || c->unsent != NULL)
			return;
		if (app.kind == SLOW_CLOSER)
			sys_timeout(app.delay, on_delay, c);
		else
			finish(c);
		return;
	case HALF_CLOSER:
		pay(c);
		if (c->eof && c->owed == 0)
			finish(c);
		return;
	default:
		return;
	}
}

static void on_owing(void *arg)
{
	struct conn *c = arg;

	c->owed = app.bytes;
	advance(c);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t n)
{
	struct conn *c = arg;

	(void)pcb;
	(void)n;
	if (c->unsent != NULL || c->owed > 0)
		advance(c);
	return ERR_OK;
}

/* on_eof is the client's FIN. */
static void on_eof(struct conn *c)
{
	c->eof = 1;
	switch (app.kind) {
	case ECHO:
	case SLOW_CLOSER:
		advance(c);
		return;
	case DISCARD:
	case SERVER_CLOSES:
		finish(c);
		return;
	case ABORTER:
		tcp_arg(c->pcb, NULL);
		tcp_err(c->pcb, NULL);
		return;
	case HALF_CLOSER:
		if (app.delay > 0)
			sys_timeout(app.delay, on_owing, c);
		else
			on_owing(c);
		return;
	default: /* a leaker never closes, and unread has a clock of its own */
		return;
	}
}

/* take keeps data at the end of what is unsent. */
static void take(struct conn *c, struct pbuf *p)
{
	if (c->unsent == NULL)
		c->unsent = p;
	else
		pbuf_cat(c->unsent, p);
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct conn *c = arg;

	(void)err;
	if (p == NULL) {
		int abort = app.kind == ABORTER;

		on_eof(c);
		if (abort) {
			free(c);
			tcp_abort(pcb);
			return ERR_ABRT;
		}
		return ERR_OK;
	}
	switch (app.kind) {
	case UNREAD:
		take(c, p); /* the window stays as it is: nobody has read it */
		return ERR_OK;
	case ECHO:
	case SLOW_CLOSER:
		take(c, p);
		advance(c);
		return ERR_OK;
	case SERVER_CLOSES:
	case ABORTER:
		take(c, p);
		flush(c);
		if (app.kind == SERVER_CLOSES) {
			finish(c);
			return ERR_OK;
		}
		tcp_arg(pcb, NULL);
		tcp_err(pcb, NULL);
		if (c->unsent != NULL)
			pbuf_free(c->unsent);
		free(c);
		tcp_abort(pcb);
		return ERR_ABRT;
	default:
		tcp_recved(pcb, p->tot_len);
		pbuf_free(p);
		return ERR_OK;
	}
}

/* on_err: the connection is gone, reset or given up. */
static void on_err(void *arg, err_t err)
{
	struct conn *c = arg;

	(void)err;
	sys_untimeout(on_delay, c);
	sys_untimeout(on_owing, c);
	if (c->unsent != NULL)
		pbuf_free(c->unsent);
	free(c);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct conn *c;

	(void)arg;
	if (err != ERR_OK || pcb == NULL)
		return ERR_VAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return ERR_MEM;
	c->pcb = pcb;
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_err);
	if (app.kind == UNREAD)
		sys_timeout(app.delay, on_delay, c);
	return ERR_OK;
}

static void die(const char *what, const char *on)
{
	fprintf(stderr, "lwip-subject: %s: %s\n", what, on);
	exit(1);
}

/* milliseconds reads 60, 60ms and 1.5s. */
static u32_t milliseconds(const char *text)
{
	char *end;
	double t = strtod(text, &end);

	if (end == text || (*end != '\0' && strcmp(end, "ms") != 0 && strcmp(end, "s") != 0))
		die("no time", text);
	return (u32_t)(strcmp(end, "s") == 0 ? t * 1000 : t);
}

static void option(char *text)
{
	if (strncmp(text, "delay=", 6) == 0)
		app.delay = milliseconds(text + 6);
	else if (strncmp(text, "bytes=", 6) == 0)
		app.bytes = (u32_t)strtoul(text + 6, NULL, 10);
	else
		die("no such option", text);
}

static void parse(char *spec)
{
	char *kind = strchr(spec, '=');
	char *name, *text;
	int k;

	app.port = (u16_t)strtoul(spec, NULL, 10);
	if (kind == NULL || app.port == 0)
		die("want PORT=KIND", spec);
	name = strtok(kind + 1, ",");
	for (k = 0; k < KINDS && (name == NULL || strcmp(names[k], name) != 0); k++)
		;
	if (k == KINDS)
		die("no such app", name == NULL ? "" : name);
	app.kind = (enum kind)k;
	app.bytes = 4096;
	app.delay = app.kind == SLOW_CLOSER || app.kind == UNREAD ? 300 : 0;
	while ((text = strtok(NULL, ",")) != NULL)
		option(text);
}

static ip4_addr_t address;

/* start runs in lwIP's thread. */
static void start(void *arg)
{
	static struct netif netif;
	ip4_addr_t mask, gateway;
	struct tcp_pcb *pcb;

	(void)arg;
	IP4_ADDR(&mask, 255, 255, 255, 0);
	ip4_addr_set_any(&gateway);
	if (netif_add(&netif, &address, &mask, &gateway, NULL, tapif_init, tcpip_input) == NULL)
		die("netif_add", "no memory");
	netif_set_default(&netif);
	netif_set_link_up(&netif);
	netif_set_up(&netif);
	pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
	if (pcb == NULL || tcp_bind(pcb, IP4_ADDR_ANY, app.port) != ERR_OK)
		die("tcp_bind", "no memory");
	pcb = tcp_listen_with_backlog(pcb, 255);
	if (pcb == NULL)
		die("tcp_listen", "no memory");
	tcp_accept(pcb, on_accept);
	printf("lwIP %s serves %s at port %u\n", LWIP_VERSION_STRING, names[app.kind], app.port);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: lwip-subject TAP ADDRESS PORT=KIND[,delay=TIME][,bytes=N]\n");
		return 2;
	}
	/* lwIP's tapif takes the name of an interface that is there from here. */
	setenv("PRECONFIGURED_TAPIF", argv[1], 1);
	if (!ip4addr_aton(argv[2], &address))
		die("no address", argv[2]);
	parse(argv[3]);
	tcpip_init(start, NULL);
	for (;;)
		pause();
}

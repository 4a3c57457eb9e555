/* netif.c is lwIP on the descriptor of a TUN, and what its sockets call otherwise than
 * Linux. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/sockets.h"
#include "lwip/tcpip.h"

static int tun;
static u16_t most;
static ip4_addr_t own;
static struct netif nif;

static err_t output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
	static char packet[65536]; /* lwIP's thread alone is here */

	(void)n;
	(void)to;
	pbuf_copy_partial(p, packet, p->tot_len, 0);
	return write(tun, packet, p->tot_len) == p->tot_len ? ERR_OK : ERR_IF;
}

static err_t init(struct netif *n)
{
	n->name[0] = 't';
	n->name[1] = 'n';
	n->mtu = most;
	n->output = output;
	return ERR_OK;
}

static void *input(void *unused)
{
	static char packet[65536];
	ssize_t len;

	(void)unused;
	while ((len = read(tun, packet, sizeof(packet))) > 0) {
		struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);

		if (p == NULL)
			continue;
		pbuf_take(p, packet, (u16_t)len);
		if (nif.input(p, &nif) != ERR_OK)
			pbuf_free(p);
	}
	return NULL;
}

static sem_t up;

static void start(void *unused)
{
	ip4_addr_t mask, gateway;

	(void)unused;
	IP4_ADDR(&mask, 255, 255, 0, 0);
	ip4_addr_set_any(&gateway);
	netif_add(&nif, &own, &mask, &gateway, NULL, init, tcpip_input);
	netif_set_default(&nif);
	netif_set_link_up(&nif);
	netif_set_up(&nif);
	sem_post(&up);
}

int start_stack(int fd, const char *address, int mtu)
{
	pthread_t thread;

	tun = fd;
	most = (u16_t)mtu;
	if (!ip4addr_aton(address, &own) || mtu < 576 || mtu > 65535)
		return -1;
	sem_init(&up, 0, 0);
	tcpip_init(start, NULL);
	sem_wait(&up);
	return pthread_create(&thread, NULL, input, NULL);
}

const char *stack_name(void)
{
	return "lwIP " LWIP_VERSION_STRING;
}

int set_nonblocking(int fd, int command, long flags)
{
	int on = (flags & 04000) != 0; /* Linux's O_NONBLOCK */

	if (command != 4) { /* Linux's F_SETFL */
		errno = ENOSYS;
		return -1;
	}
	return lwip_ioctl(fd, FIONBIO, &on);
}

int set_option(int fd, long level, long option, int value, int linger_on, int linger_seconds)
{
	struct linger l = {linger_on, linger_seconds};

	if (level == 1 && option == 2)
		return lwip_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value));
	if (level == 1 && option == 9)
		return lwip_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
	if (level == 1 && option == 13)
		return lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	if (level == 6 && option == 1)
		return lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
	errno = ENOPROTOOPT;
	return -1;
}

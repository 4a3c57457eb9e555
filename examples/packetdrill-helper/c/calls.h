/* calls.h are the sockets that helper.c uses: lwIP's. For a stack whose calls have other
 * names, this file and netif.c are what changes. */
#include <errno.h>
#include <unistd.h>

#include "lwip/sockets.h"

#define socket lwip_socket
#define bind lwip_bind
#define listen lwip_listen
#define connect lwip_connect
#define accept lwip_accept
#define recv lwip_recv
#define send lwip_send
#define close lwip_close
#define shutdown lwip_shutdown

/* start_stack puts the stack on a TUN's descriptor; 0 if it could. */
int start_stack(int fd, const char *address, int mtu);
const char *stack_name(void);

/* Both take Linux's numbers, which the protocol has. */
int set_nonblocking(int fd, int command, long flags);
int set_option(int fd, long level, long option, int value, int linger_on, int linger_seconds);

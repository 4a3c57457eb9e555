/* helper.c makes the system calls of packetdrill scripts for lastack, over lines of JSON on
 * standard input and output (harness/experiment/packetdrill/PROTOCOL.md), with whatever
 * BSD sockets calls.h gives: here lwIP's, whose stack netif.c puts on the TUN.
 *
 *	lwip-helper FD ADDRESS MTU
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

/* The requests are flat enough that a name is looked for wherever it stands. */
static long number(const char *line, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(line, key);
	return at == NULL ? 0 : strtol(at + strlen(key), NULL, 10);
}

static int is(const char *line, const char *call)
{
	char key[32];

	snprintf(key, sizeof(key), "\"call\":\"%s\"", call);
	return strstr(line, key) != NULL;
}

static struct sockaddr_in address(const char *line)
{
	struct sockaddr_in a;
	const char *ip = strstr(line, "\"ip\":\"");
	char text[16] = "";

	if (ip != NULL)
		sscanf(ip + 6, "%15[0-9.]", text);
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)number(line, "port"));
	a.sin_addr.s_addr = inet_addr(text);
	return a;
}

/* extra is what an answer has behind its number. */
static char extra[256];

static long call(const char *line)
{
	static char data[1 << 16];
	struct sockaddr_in a = address(line);
	socklen_t len = sizeof(a);
	int fd = (int)number(line, "fd"), value = (int)number(line, "int");
	size_t count = (size_t)number(line, "count");
	long n;

	if (count > sizeof(data))
		count = sizeof(data);
	if (is(line, "socket"))
		return socket((int)number(line, "domain"), (int)number(line, "type"), (int)number(line, "protocol"));
	if (is(line, "bind"))
		return bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (is(line, "listen"))
		return listen(fd, (int)number(line, "backlog"));
	if (is(line, "connect"))
		return connect(fd, (struct sockaddr *)&a, sizeof(a));
	if (is(line, "accept")) {
		n = accept(fd, (struct sockaddr *)&a, &len);
		if (n >= 0)
			snprintf(extra, sizeof(extra), ",\"addr\":{\"family\":2,\"ip\":\"%s\",\"port\":%d}", inet_ntoa(a.sin_addr), ntohs(a.sin_port));
		return n;
	}
	if (is(line, "read"))
		return recv(fd, data, count, (int)number(line, "flags"));
	if (is(line, "write"))
		return send(fd, memset(data, 0, count), count, (int)number(line, "flags"));
	if (is(line, "close"))
		return close(fd);
	if (is(line, "shutdown"))
		return shutdown(fd, (int)number(line, "how"));
	if (is(line, "fcntl"))
		return set_nonblocking(fd, (int)number(line, "command"), number(line, "argument"));
	if (is(line, "setsockopt"))
		return set_option(fd, number(line, "level"), number(line, "option"), value, (int)number(line, "on"), (int)number(line, "seconds"));
	errno = ENOSYS;
	return -1;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	long n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4 || start_stack(atoi(argv[1]), argv[2], atoi(argv[3])) != 0) {
		fprintf(stderr, "usage: lwip-helper FD ADDRESS MTU\n");
		return 2;
	}
	printf("{\"ready\":\"%s\"}\n", stack_name());
	while (getline(&line, &room, stdin) > 0) {
		extra[0] = '\0';
		errno = 0;
		n = call(line);
		if (n < 0)
			printf("{\"return\":-1,\"errno\":\"%s\"}\n", strerrorname_np(errno));
		else
			printf("{\"return\":%ld%s}\n", n, extra);
	}
	return 0;
}

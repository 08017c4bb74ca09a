/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns_answer LISTEN-ADDRESS PORT ANSWER: a name server by which every name has one IPv4 address. For tests, on
 * either side of a network.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER_BYTES 12u
#define TYPE_A       1u

/* Behind the question: its name by a pointer, A, IN, a minute, four bytes. */
static size_t answer(unsigned char *message, size_t bytes, struct in_addr address)
{
	static const unsigned char record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4 };
	unsigned char type = message[bytes - 3];

	message[2] = 0x81;
	message[3] = 0x80;
	memset(message + 6, 0, HEADER_BYTES - 6);
	if (type != TYPE_A)
		return bytes;
	message[7] = 1;
	memcpy(message + bytes, record, sizeof(record));
	memcpy(message + bytes + sizeof(record), &address, sizeof(address));
	return bytes + sizeof(record) + sizeof(address);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct in_addr address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 4 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[3], &address) != 1)
		return EXIT_FAILURE;
	here.sin_port = htons((unsigned short)atoi(argv[2]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0) {
		perror("dns_answer");
		return EXIT_FAILURE;
	}
	for (;;) {
		unsigned char message[512 + 16];
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		ssize_t got = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from,
		                       &from_bytes);

		if (got > (ssize_t)HEADER_BYTES + 4)
			(void)!sendto(fd, message, answer(message, (size_t)got, address),
			              0, (struct sockaddr *)&from, from_bytes);
	}
}

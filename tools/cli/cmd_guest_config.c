/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM needs to be plugged into a vhost-user port: exact flags, so that nobody has to know about share=on. */
#include <stdio.h>
#include <string.h>

#include "tools/cli/args.h"
#include "tools/cli/out.h"

struct guest_port {
	const char *name, *mac, *socket;
	long long n_queues, mtu;
	bool qemu_listens;
};

static void print_qemu(const struct guest_port *p)
{
	printf("# Memory must be shared with the switch. size is the VM's -m.\n");
	printf("-object memory-backend-memfd,id=mem0,size=1G,share=on -numa node,memdev=mem0 \\\n");
	printf("-chardev socket,id=char-%s,path=%s%s \\\n", p->name, p->socket,
	    p->qemu_listens ? ",server=on,wait=off" : ",reconnect=1");
	printf("-netdev vhost-user,id=net-%s,chardev=char-%s,queues=%lld \\\n", p->name, p->name,
	    p->n_queues);
	printf("-device virtio-net-pci,netdev=net-%s", p->name);
	if (p->mac[0] != '\0')
		printf(",mac=%s", p->mac);
	if (p->n_queues > 1)
		printf(",mq=on,vectors=%lld", 2 * p->n_queues + 2);
	if (p->mtu > 0)
		printf(",host_mtu=%lld", p->mtu);
	printf("\n# With -accel tcg on QEMU 7.2 add vectors=0 to the device: MSI-X and vhost-user "
	       "crash it there.\n");
}

static void print_libvirt(const struct guest_port *p)
{
	printf("<!-- in <domain>: shared memory -->\n"
	       "<memoryBacking>\n  <source type='memfd'/>\n  <access "
	       "mode='shared'/>\n</memoryBacking>\n"
	       "<!-- in <devices> -->\n"
	       "<interface type='vhostuser'>\n");
	if (p->mac[0] != '\0')
		printf("  <mac address='%s'/>\n", p->mac);
	printf("  <source type='unix' path='%s' mode='%s'>%s</source>\n", p->socket,
	    p->qemu_listens ? "server" : "client",
	    p->qemu_listens ? "" : "<reconnect enabled='yes' timeout='1'/>");
	printf("  <model type='virtio'/>\n");
	if (p->mtu > 0)
		printf("  <mtu size='%lld'/>\n", p->mtu);
	if (p->n_queues > 1)
		printf("  <driver queues='%lld'/>\n", p->n_queues);
	printf("</interface>\n");
}

static const char *text(json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

int cmd_guest_config(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	static const char *const known[] = {"format", NULL};
	struct err err = {0};
	json_t *result;

	if (argc < 1)
		return cli_usage(cli, cmd, "the port's name is missing");
	// "--format X" as well as "format=X": both are natural to type.
	const char *format = args_find(argc - 1, argv + 1, "format");
	if (argc == 3 && strcmp(argv[1], "--format") == 0)
		format = argv[2];
	else if (args_check(argc - 1, argv + 1, known, &err) != 0)
		return cli_usage(cli, cmd, "%s", err.what);
	if (format == NULL)
		format = "qemu";
	if (strcmp(format, "qemu") != 0 && strcmp(format, "libvirt") != 0)
		return cli_usage(cli, cmd, "format is qemu or libvirt, not \"%s\"", format);
	int rc = cli_call(cli, "port.show", json_pack("{s:s}", "name", argv[0]), &result);
	if (rc != EXIT_OK)
		return rc;
	json_t *port = json_object_get(result, "object");
	struct guest_port p = {
	    .name = argv[0],
	    .mac = text(port, "mac"),
	    .socket = text(json_object_get(result, "state"), "socket"),
	    .n_queues = json_integer_value(json_object_get(port, "queues")),
	    .mtu = json_integer_value(json_object_get(json_object_get(result, "state"), "mtu")),
	    .qemu_listens = strcmp(text(port, "mode"), "server") != 0,
	};
	if (strcmp(text(port, "kind"), "vhost-user") != 0) {
		err_set(&err, ERR_PARAMS,
		    "port \"%s\" is of kind %s: only vhost-user ports take a VM", argv[0],
		    text(port, "kind"));
		rc = cli_fail(cli, &err);
	} else if (cli->json) {
		json_t *o = json_pack("{s:s,s:s,s:s,s:I,s:I,s:b}", "name", p.name, "mac", p.mac,
		    "socket", p.socket, "queues", p.n_queues, "mtu", p.mtu, "qemu_listens",
		    p.qemu_listens);
		out_json(cli, o);
		json_decref(o);
	} else if (strcmp(format, "qemu") == 0) {
		print_qemu(&p);
	} else {
		print_libvirt(&p);
	}
	json_decref(result);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "control/audit.h"

#include <inttypes.h>

#define LOG_MODULE "audit"
#include "datapath/base/log.h"

void audit_write(const struct audit *a, uint64_t generation, const struct err *err)
{
	if (err == NULL)
		log_info("%s owner %s txn %s: %zu changes as generation %" PRIu64, a->client,
		    a->owner, a->txn_id, a->n_changes, generation);
	else
		log_info("%s owner %s txn %s: refused, %s %s: %s", a->client, a->owner, a->txn_id,
		    err_name(err->code), err->path, err->what);
}

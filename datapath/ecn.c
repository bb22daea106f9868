/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/ecn.h"

// clang-format off
static const uint8_t encap[4] = {
	[ECN_NOT_ECT] = ECN_NOT_ECT,
	[ECN_ECT1] = ECN_ECT1,
	[ECN_ECT0] = ECN_ECT0,
	[ECN_CE] = ECN_CE,
};

static const uint8_t decap[4][4] = { // [inner][outer]
	[ECN_NOT_ECT] = {
		[ECN_NOT_ECT] = ECN_NOT_ECT, [ECN_ECT0] = ECN_NOT_ECT, [ECN_ECT1] = ECN_NOT_ECT, [ECN_CE] = ECN_DROP,
	},
	[ECN_ECT0] = {
		[ECN_NOT_ECT] = ECN_ECT0, [ECN_ECT0] = ECN_ECT0, [ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE,
	},
	[ECN_ECT1] = {
		[ECN_NOT_ECT] = ECN_ECT1, [ECN_ECT0] = ECN_ECT1, [ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE,
	},
	[ECN_CE] = {
		[ECN_NOT_ECT] = ECN_CE, [ECN_ECT0] = ECN_CE, [ECN_ECT1] = ECN_CE, [ECN_CE] = ECN_CE,
	},
};
// clang-format on

uint8_t ecn_encap(uint8_t inner)
{
	return encap[inner & ECN_MASK];
}

uint8_t ecn_decap(uint8_t inner, uint8_t outer)
{
	return decap[inner & ECN_MASK][outer & ECN_MASK];
}

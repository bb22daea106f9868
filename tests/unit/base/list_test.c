/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/list.h"
#include "tests/unit/test.h"

struct item {
	struct list node;
	int value;
};

static void list_keeps_order(void **)
{
	struct list head;
	struct item items[3] = {{.value = 0}, {.value = 2}, {.value = 1}};
	int expected = 0;

	list_init(&head);
	assert_true(list_is_empty(&head));
	list_add(&head, &items[0].node);
	list_add(&head, &items[1].node);
	list_add_before(&items[1].node, &items[2].node);
	list_foreach (it, &head, struct item, node)
		assert_int_equal(it->value, expected++);
	assert_int_equal(expected, 3);
}

static void node_may_be_taken_off_twice(void **)
{
	struct list head;
	struct item item;

	list_init(&head);
	list_add(&head, &item.node);
	list_del(&item.node);
	list_del(&item.node);
	assert_true(list_is_empty(&head));
	assert_true(list_is_empty(&item.node));
}

static void safe_loop_may_delete(void **)
{
	struct list head;
	struct item items[4];

	list_init(&head);
	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		list_add(&head, &items[i].node);
	}
	list_foreach_safe (it, &head, struct item, node) {
		if (it->value != 2)
			list_del(&it->node);
	}
	assert_ptr_equal(head.next, &items[2].node);
	assert_ptr_equal(head.prev, &items[2].node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_keeps_order),
	    cmocka_unit_test(node_may_be_taken_off_twice),
	    cmocka_unit_test(safe_loop_may_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

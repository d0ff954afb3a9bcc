// SPDX-License-Identifier: MIT
/*
 * What the processes of "bench events" run: as little as there is, so that
 * what it takes to be told of them shows beside it.
 */
int main(void)
{
	return 0;
}

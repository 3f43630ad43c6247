// Package simulation compares the product with itself: the same random days, once as GitHub is on a
// good day and once with faults, must end the same (A4). It has tests only:
//
//	go test ./app/simulation -seeds 100   as many seeds, from 1 on
//	go test ./app/simulation -seed 17     one, told step by step
//	go test ./app/simulation -first 1001 -seeds 9000 -timeout 24h -v
//	                                      for hours; a seed that fails is printed when it does
//
// A second test plays other days and holds what must be so whatever happens (TestA4InvariantsHold):
// people act between any two calls of a pass, time passes and webhooks come in between, single
// operations fail for a while, receivers lose what they are sent, and the product sweeps on its own.
// What both see is measured: each of testdata/planted is a fault that the product is built with,
// and seeds are played until it is found.
//
//	go test ./app/simulation -run PlantedFaultsAreFound -planted 2000 -timeout 12h -v
//
// Two things don't hold while two workers are at one incident, since GitHub can't write only if
// nobody else did: a comment may then be there twice until a look reads both, and so may the first
// card. The queue's one writer for each incident keeps them from meeting.
//
// A seed makes a script, which is what people and sources do and how time passes, and by a second
// stream the faults. The product, its client, queue and webhook are the real ones; GitHub is the
// embedded one. Whatever happens hangs on the seed, and on virtual time, alone: what goes wrong
// with a call follows from the call and how often it was made, and the product works only while the
// clock waits for it.
package simulation

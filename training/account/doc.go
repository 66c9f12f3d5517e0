// Package account reads the folder of a run and says what it tells on each topic of a reporting checklist, with the
// files and keys that each sentence comes from. What the folder does not tell is said to be missing.
package account

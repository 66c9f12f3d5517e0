// Package labels makes a data set of a folder of images and a table that labels them.
//
// [Open] reads the table: a CSV, TSV, Excel or Parquet file in any form of package table. It finds the columns by their
// usual names, and the images by what the table calls them: with or without folders and with or without the ending of
// the file name. It guesses nothing. Where two readings fit, the error names both and the key that decides.
//
// [Table.Divide] makes the splits train, val and test: as a column of the table says, by shares, or both.
package labels

package prepare

// jsiec keeps the names of the download's folders. Its 1,000 published images give RETFound's sizes of train and val,
// 534 and 150, and a test of 316. The log of a port of RETFound counts 319 there, which no split of 1,000 images can
// have.
var jsiec = &Set{
	Name:   "jsiec",
	Origin: "https://zenodo.org/records/3477553",
	Needs:  "1000images.zip, or its folder with the 39 folders 0.0.Normal, 0.1.Tessellated fundus …",
	Classes: labelledByFolder([]Class{
		{Folder: "0.0.Normal", Images: 38},
		{Folder: "0.1.Tessellated fundus", Images: 13},
		{Folder: "0.2.Large optic cup", Images: 50},
		{Folder: "0.3.DR1", Images: 18},
		{Folder: "1.0.DR2", Images: 49},
		{Folder: "1.1.DR3", Images: 39},
		{Folder: "10.0.Possible glaucoma", Images: 13},
		{Folder: "10.1.Optic atrophy", Images: 12},
		{Folder: "11.Severe hypertensive retinopathy", Images: 15},
		{Folder: "12.Disc swelling and elevation", Images: 13},
		{Folder: "13.Dragged Disc", Images: 10},
		{Folder: "14.Congenital disc abnormality", Images: 10},
		{Folder: "15.0.Retinitis pigmentosa", Images: 22},
		{Folder: "15.1.Bietti crystalline dystrophy", Images: 8},
		{Folder: "16.Peripheral retinal degeneration and break", Images: 14},
		{Folder: "17.Myelinated nerve fiber", Images: 11},
		{Folder: "18.Vitreous particles", Images: 14},
		{Folder: "19.Fundus neoplasm", Images: 8},
		{Folder: "2.0.BRVO", Images: 44},
		{Folder: "2.1.CRVO", Images: 22},
		{Folder: "20.Massive hard exudates", Images: 13},
		{Folder: "21.Yellow-white spots-flecks", Images: 29},
		{Folder: "22.Cotton-wool spots", Images: 10},
		{Folder: "23.Vessel tortuosity", Images: 14},
		{Folder: "24.Chorioretinal atrophy-coloboma", Images: 15},
		{Folder: "25.Preretinal hemorrhage", Images: 10},
		{Folder: "26.Fibrosis", Images: 10},
		{Folder: "27.Laser Spots", Images: 20},
		{Folder: "28.Silicon oil in eye", Images: 19},
		{Folder: "29.0.Blur fundus without PDR", Images: 114},
		{Folder: "29.1.Blur fundus with suspected PDR", Images: 45},
		{Folder: "3.RAO", Images: 16},
		{Folder: "4.Rhegmatogenous RD", Images: 57},
		{Folder: "5.0.CSCR", Images: 14},
		{Folder: "5.1.VKH disease", Images: 14},
		{Folder: "6.Maculopathy", Images: 74},
		{Folder: "7.ERM", Images: 26},
		{Folder: "8.MH", Images: 23},
		{Folder: "9.Pathological myopia", Images: 54},
	}),
	Fundus: true,
	test:   3,
	find:   byFolder,
}

// labelledByFolder sets the label of each class to the name of its folder.
func labelledByFolder(classes []Class) []Class {
	for i, c := range classes {
		classes[i].labels = []string{c.Folder}
	}
	return classes
}

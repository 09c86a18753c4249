//! Whether a text that a picture carries tells a place: XMP, or a free note. It is searched for names of properties; it
//! is not parsed, so nothing hides in a syntax that is read differently elsewhere.

/// Parts of the names under which XMP keeps places: of EXIF, IPTC (core and extension), Photoshop and the geo
/// vocabulary.
const PROPERTIES: &[&str] = &[
    "gps",
    "latitude",
    "longitude",
    "altitude",
    "location",
    "photoshop:city",
    "photoshop:state",
    "photoshop:country",
    "countrycode",
    "countryname",
    "provincestate",
    "geo:lat",
    "geo:long",
    "geotag",
    "worldregion",
];

/// Names that say that there is more data behind the picture: a moving picture, or another image.
const CONTAINER: &[&str] = &["motionphoto", "microvideo", "container:directory", "gcontainer"];

/// Whether a packet of XMP tells a place. One in UTF-16 or UTF-32 is not read, and counts as telling.
pub(crate) fn tells_place(packet: &[u8]) -> bool {
    packet.contains(&0) || mentions(packet, PROPERTIES)
}

/// Whether a packet of XMP describes what lies behind the picture.
pub(crate) fn tells_of_more(packet: &[u8]) -> bool {
    mentions(packet, CONTAINER)
}

/// Whether a note of an unknown kind holds coordinates under one of their usual names.
pub(crate) fn holds_coordinates(note: &[u8]) -> bool {
    mentions(note, &["gpslatitude", "gpslongitude", "gpsposition", "geo:lat", "xmp:gps", "exif:gps"])
}

fn mentions(text: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| text.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_under_each_of_its_names() {
        let check = |text: &str, expect: bool| assert_eq!(tells_place(text.as_bytes()), expect, "{text}");
        check("<exif:GPSLatitude>48,8.5N</exif:GPSLatitude>", true);
        check("<a:Description photoshop:City='Bern'/>", true);
        check("<Iptc4xmpCore:Location>Mill</Iptc4xmpCore:Location>", true);
        check("<Iptc4xmpExt:LocationShown/>", true);
        check("<Iptc4xmpCore:CountryCode>CH</Iptc4xmpCore:CountryCode>", true);
        check("<geo:lat>1</geo:lat>", true);
        check("<\0e\0x\0i\0f\0", true);
        check("<xmp:CreatorTool>Camera</xmp:CreatorTool>", false);
        check("<photoshop:Credit>City</photoshop:Credit>", false);
        check("", false);
    }

    #[test]
    fn a_note_is_looked_through_for_coordinates_alone() {
        assert!(holds_coordinates(b"exif:GPSLatitude 48/1"));
        assert!(!holds_coordinates(b"the location of the cat"));
    }
}

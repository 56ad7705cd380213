use proptest::prelude::*;

use super::*;

/// A packet as a raw converter writes it: attributes and elements, keywords, history, padding.
pub(in crate::photo) const PACKET: &str = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>
<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"A Toolkit\">
 <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">
  <rdf:Description rdf:about=\"\"
    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"
    xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\"
    xmlns:exif=\"http://ns.adobe.com/exif/1.0/\"
    xmlns:dc=\"http://purl.org/dc/elements/1.1/\"
    xmlns:photoshop=\"http://ns.adobe.com/photoshop/1.0/\"
    xmlns:xmpMM=\"http://ns.adobe.com/xap/1.0/mm/\"
    xmlns:stEvt=\"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#\"
    xmlns:xmpGImg=\"http://ns.adobe.com/xap/1.0/g/img/\"
    xmlns:odd=\"http://example.org/odd/\"
   xmp:Rating=\"5\" tiff:Orientation=\"6\"
   exif:GPSLatitude=\"48,12.5N\" photoshop:City=\"Wien\">
   <exif:PixelXDimension>6000</exif:PixelXDimension>
   <exif:PixelYDimension>4000</exif:PixelYDimension>
   <odd:Thing odd:GpsTrack=\"1\">&lt;kept as it is&gt;</odd:Thing>
   <dc:creator><rdf:Seq><rdf:li>Ann &amp; Bob</rdf:li></rdf:Seq></dc:creator>
   <dc:rights><rdf:Alt><rdf:li xml:lang=\"x-default\">(c) Ann</rdf:li></rdf:Alt></dc:rights>
   <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType=\"Resource\"><xmpGImg:image>b2xkIGZhY2U=</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>
   <xmpMM:History><rdf:Seq><rdf:li stEvt:action=\"created\"/></rdf:Seq></xmpMM:History>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
                                                            \n<?xpacket end=\"w\"?>";

fn text(packet: Option<Vec<u8>>) -> String {
    String::from_utf8(packet.unwrap()).unwrap()
}

/// What was changed between two texts that begin and end alike.
fn difference<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    let same = |(a, b): &(u8, u8)| a == b;
    let front = old.bytes().zip(new.bytes()).take_while(same).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.bytes().rev().zip(new.bytes().rev());
    let back = back.take_while(same).count();
    (&old[..old.len() - back], &new[..new.len() - back])
}

#[test]
fn a_file_with_nothing_behind_its_picture_promises_nothing() {
    let packet = |content: &str| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='{}'><rdf:Description rdf:about='' \
             xmlns:xmp='{}' xmlns:h='{}' xmlns:g='{}' xmlns:c='{}' xmlns:i='{}' {content}</rdf:Description></rdf:RDF></x:xmpmeta>",
            name::RDF,
            name::XMP,
            name::GAIN_MAP,
            name::CAMERA,
            name::CONTAINER,
            name::CONTAINER_ITEM,
        )
    };
    let rich = packet(
        "xmp:Rating='5' h:Version='1.0' g:MotionPhoto='1' g:MicroVideoOffset='99' g:HDRScene='2'>\
         <c:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><c:Item i:Semantic='GainMap' i:Length='7'/></rdf:li></rdf:Seq></c:Directory>\
         <h:GainMapMax>2</h:GainMapMax><xmp:Label>Red</xmp:Label>",
    );
    let bare = packet("xmp:Rating='5' g:HDRScene='2'><xmp:Label>Red</xmp:Label>");
    assert_eq!(text(without_parts(rich.as_bytes())), bare);
    assert_eq!(without_parts(bare.as_bytes()), None);
}

#[test]
fn upright_pixels_change_the_orientation_and_take_the_thumbnail_away_and_nothing_else() {
    let upright = text(made_upright(PACKET.as_bytes(), None));
    let expected = PACKET.replace("tiff:Orientation=\"6\"", "tiff:Orientation=\"1\"");
    let (gone, new) = difference(&expected, &upright);
    assert!(
        gone.contains("b2xkIGZhY2U=") && new.is_empty(),
        "{gone}{new}"
    );
    assert_eq!(
        made_upright(upright.as_bytes(), None),
        None,
        "once is enough"
    );
}

#[test]
fn sizes_follow_a_quarter_turn_in_elements_and_attributes() {
    let turned = text(made_upright(PACKET.as_bytes(), Some((4000, 6000))));
    assert!(turned.contains("<exif:PixelXDimension>4000</exif:PixelXDimension>"));
    assert!(turned.contains("<exif:PixelYDimension>6000</exif:PixelYDimension>"));
    let short = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description \
                 xmlns:t=\"http://ns.adobe.com/tiff/1.0/\" t:ImageWidth='7'/></rdf:RDF>";
    let sized = text(with_size(short.as_bytes(), (9, 8)));
    assert!(sized.contains("t:ImageWidth='9'"), "{sized}");
}

#[test]
fn the_place_goes_from_every_schema_and_the_rest_stays() {
    let placeless = text(without_place(PACKET.as_bytes()).unwrap());
    for gone in ["GPSLatitude", "Wien", "GpsTrack"] {
        assert!(!placeless.contains(gone), "{gone}");
    }
    for kept in [
        "xmp:Rating=\"5\"",
        "&lt;kept as it is&gt;",
        "Ann &amp; Bob",
        "x:xmptk",
    ] {
        assert!(placeless.contains(kept), "{kept}");
    }
    assert_eq!(without_place(placeless.as_bytes()), Ok(None));
    assert_eq!(without_place(b"<x exif:GPSLatitude='48'"), Err(Unreadable));
}

#[test]
fn credits_are_creator_and_rights_in_a_new_packet() {
    let credits = text(credits(PACKET.as_bytes()));
    assert!(credits.contains("Ann &amp; Bob") && credits.contains("(c) Ann"));
    for gone in ["Rating", "GPS", "Wien", "odd:Thing", "History", "b2xk"] {
        assert!(!credits.contains(gone), "{gone}");
    }
    let (_, document) = document(credits.as_bytes()).unwrap();
    assert_eq!(descriptions(&document).count(), 2);
    assert_eq!(super::credits(b"<nonsense"), None);
}

#[test]
fn history_gets_one_entry_where_it_is() {
    let edited = text(with_history(Some(PACKET.as_bytes()), "Jawline 1"));
    let (gone, new) = difference(PACKET, &edited);
    assert!(gone.is_empty() && new.contains("Jawline 1"), "{gone}{new}");
    assert!(
        edited.contains("<rdf:li stEvt:action=\"created\"/><rdf:li"),
        "in its order"
    );
    assert!(
        !edited.contains("<rdf:li xmlns"),
        "nothing is declared twice"
    );
    assert!(
        edited.ends_with("\n<?xpacket end=\"w\"?>"),
        "the wrapper stays"
    );

    for start in [
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"/>",
        "<r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"></r:RDF>",
        "<r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><r:Description><m:History \
         xmlns:m=\"http://ns.adobe.com/xap/1.0/mm/\"><r:Seq/></m:History></r:Description></r:RDF>",
    ] {
        let edited = text(with_history(Some(start.as_bytes()), "Jawline 1"));
        let (_, document) = document(edited.as_bytes()).unwrap();
        let entries = descriptions(&document)
            .flat_map(|description| description.descendants())
            .filter(|node| is(*node, name::EVENT, "softwareAgent"));
        let agents: Vec<_> = entries.filter_map(|node| node.text()).collect();
        assert_eq!(agents, ["Jawline 1"], "{edited}");
    }
    assert!(has_history(&with_history(None, "Jawline 1").unwrap()));
    assert_eq!(
        with_history(Some(b"not XML"), "Jawline 1"),
        None,
        "left alone"
    );
}

#[test]
fn padding_of_zeros_does_not_hide_a_packet() {
    let padded = [PACKET.as_bytes(), &[0; 50]].concat();
    assert!(made_upright(&padded, None).is_some());
}

/// A packet with so many bytes of development settings in several properties.
pub(in crate::photo) fn long_packet(bytes: usize) -> Vec<u8> {
    let settings: String = (0..4)
        .map(|number| {
            format!(
                "<odd:Mask{number}>{}</odd:Mask{number}>",
                "m".repeat(bytes / 4)
            )
        })
        .collect();
    PACKET
        .replace("<odd:Thing", &format!("{settings}<odd:Thing"))
        .into_bytes()
}

#[test]
fn what_does_not_fit_moves_to_an_extension_and_comes_back() {
    const LIMIT: usize = 4000;
    let long = long_packet(9000);
    let (main, extension) = fitted(&long, LIMIT).unwrap();
    let extension = extension.unwrap();
    assert!(main.len() <= LIMIT);
    let main_text = String::from_utf8(main.clone()).unwrap();
    assert!(main_text.contains("xmp:Rating=\"5\"") && main_text.contains("Ann &amp; Bob"));
    let guid = extension_guid(&main).unwrap();
    assert!(
        guid.chars()
            .all(|digit| digit.is_ascii_hexdigit() && !digit.is_lowercase())
    );

    let merged = merged(&main, &extension).unwrap();
    let merged_text = String::from_utf8(merged.clone()).unwrap();
    for number in 0..4 {
        assert!(
            merged_text.contains(&format!("<odd:Mask{number}>mmm")),
            "{number}"
        );
    }
    assert_eq!(extension_guid(&merged), None);

    let (whole, none) = fitted(&long, long.len()).unwrap();
    assert_eq!((whole, none), (long, None));
    let padding = PACKET.replace(
        "</x:xmpmeta>\n",
        &format!("</x:xmpmeta>\n{}", " ".repeat(9000)),
    );
    let (unpadded, none) = fitted(padding.as_bytes(), LIMIT).unwrap();
    assert!(unpadded.len() <= LIMIT && none.is_none());
    assert!(unpadded.ends_with(b"<?xpacket end=\"w\"?>"));
    assert_eq!(fitted(&[b'x'; 9000], LIMIT), None);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for depth in [100, 100_000] {
        let deep = "<a>".repeat(depth) + &"</a>".repeat(depth);
        let packet = format!(
            "<rdf:RDF xmlns:rdf=\"{}\"><rdf:Description>{deep}</rdf:Description></rdf:RDF>",
            name::RDF
        );
        let _ = with_history(Some(packet.as_bytes()), "x");
    }
}

proptest! {
    #[test]
    fn damaged_packets_are_survived(at in any::<prop::sample::Index>(), byte: u8) {
        let mut packet = PACKET.as_bytes().to_vec();
        let at = at.index(packet.len());
        packet[at] = byte;
        made_upright(&packet, Some((3, 4)));
        let _ = without_place(&packet);
        credits(&packet);
        with_history(Some(&packet), "x");
        merged(&packet, PACKET.as_bytes());
        fitted(&packet, 500);
    }
}

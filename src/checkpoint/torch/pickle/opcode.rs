/// Declares the opcodes that are obeyed, and names all others.
macro_rules! opcodes {
    (
        obeyed { $($variant:ident = $byte:literal,)* }
        refused { $($name:literal = $refused:literal,)* }
    ) => {
        /// An opcode that is obeyed. Names are those of `pickletools`, in our spelling.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Opcode {
            $($variant,)*
        }

        impl Opcode {
            /// The opcode of this byte, or the name of one that is refused.
            pub(super) fn of(byte: u8) -> Result<Self, String> {
                match byte {
                    $($byte => Ok(Self::$variant),)*
                    $($refused => Err($name.to_owned()),)*
                    _ => Err(format!("0x{byte:02x}, which does not exist,")),
                }
            }
        }
    };
}

opcodes! {
    obeyed {
        Stop = b'.',
        Proto = 0x80,
        Frame = 0x95,
        None = b'N',
        NewTrue = 0x88,
        NewFalse = 0x89,
        BinInt = b'J',
        BinInt1 = b'K',
        BinInt2 = b'M',
        Long1 = 0x8a,
        Long4 = 0x8b,
        BinFloat = b'G',
        ShortBinString = b'U',
        BinString = b'T',
        ShortBinUnicode = 0x8c,
        BinUnicode = b'X',
        BinUnicode8 = 0x8d,
        ShortBinBytes = b'C',
        BinBytes = b'B',
        BinBytes8 = 0x8e,
        ByteArray8 = 0x96,
        Mark = b'(',
        EmptyTuple = b')',
        Tuple = b't',
        Tuple1 = 0x85,
        Tuple2 = 0x86,
        Tuple3 = 0x87,
        EmptyList = b']',
        List = b'l',
        Append = b'a',
        Appends = b'e',
        EmptySet = 0x8f,
        AddItems = 0x90,
        FrozenSet = 0x91,
        EmptyDict = b'}',
        Dict = b'd',
        SetItem = b's',
        SetItems = b'u',
        Pop = b'0',
        PopMark = b'1',
        Dup = b'2',
        BinPut = b'q',
        LongBinPut = b'r',
        Memoize = 0x94,
        BinGet = b'h',
        LongBinGet = b'j',
        Global = b'c',
        StackGlobal = 0x93,
        Reduce = b'R',
        NewObj = 0x81,
        Build = b'b',
        BinPersId = b'Q',
    }
    refused {
        "INT" = b'I',
        "LONG" = b'L',
        "FLOAT" = b'F',
        "STRING" = b'S',
        "UNICODE" = b'V',
        "GET" = b'g',
        "PUT" = b'p',
        "PERSID" = b'P',
        "INST" = b'i',
        "OBJ" = b'o',
        "NEWOBJ_EX" = 0x92,
        "EXT1" = 0x82,
        "EXT2" = 0x83,
        "EXT4" = 0x84,
        "NEXT_BUFFER" = 0x97,
        "READONLY_BUFFER" = 0x98,
    }
}

//! The cells of an Arrow array, in few forms.

use std::ops::Range;
use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, OffsetSizeTrait};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use crate::types::{Decimal, Varint};

/// A cell of an Arrow array. Types that differ only in their width or encoding have the same form.
#[derive(Debug, Clone)]
pub(super) enum ArrowCell<'a> {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f32),
    Double(f64),
    Decimal(Decimal),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i64),
    /// Nanoseconds since midnight.
    Time(i64),
    /// An instant, or a date and a time without a zone, in fractions of a second since 1970-01-01.
    Timestamp {
        ticks: i128,
        per_second: i64,
    },
    Interval {
        months: i64,
        days: i64,
        nanoseconds: i128,
    },
    List(Elements<'a>),
    Map(Elements<'a>, Elements<'a>),
    Struct(StructCell<'a>),
}

/// The elements of a list.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a> {
    column: Rc<ArrowColumn<'a>>,
    range: Range<usize>,
}

/// The fields of a struct.
#[derive(Debug, Clone)]
pub(super) struct StructCell<'a> {
    fields: Rc<[(&'a str, ArrowColumn<'a>)]>,
    index: usize,
}

/// An array whose type is known, so that reading a cell needs no further checks.
pub(super) struct ArrowColumn<'a> {
    nulls: Option<&'a NullBuffer>,
    read: Read<'a>,
}

type Read<'a> = Box<dyn Fn(usize) -> ArrowCell<'a> + 'a>;

/// A meaning of a field without children that its Arrow type does not express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    /// The meaning is that of the Arrow type.
    Plain,
    /// 12 bytes with an interval of Parquet.
    Interval,
    /// 12 bytes with a timestamp of the type INT96.
    Int96,
}

impl<'a> Elements<'a> {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ArrowCell<'a>> {
        self.range.clone().map(|index| self.column.cell(index))
    }
}

impl<'a> StructCell<'a> {
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, ArrowCell<'a>)> {
        self.fields.iter().map(|(name, column)| (*name, column.cell(self.index)))
    }
}

impl<'a> ArrowColumn<'a> {
    /// Returns the cells of an array. `leaves` has the kinds of its leaves in depth-first order, which is their order in the
    /// file.
    ///
    /// # Errors
    /// Returns the reason if no CQL type has values like those of the array.
    pub(super) fn new(
        array: &'a dyn Array,
        leaves: &mut dyn Iterator<Item = LeafKind>,
    ) -> Result<Self, String> {
        let read = match nested(array, leaves)? {
            Some(read) => Some(read),
            None => match leaves.next() {
                None | Some(LeafKind::Plain) => scalar(array).or_else(|| temporal(array)),
                Some(LeafKind::Interval) => twelve_bytes(array, parquet_interval),
                Some(LeafKind::Int96) => twelve_bytes(array, int96),
            },
        };
        let unsupported = || format!("no CQL type has values of the type {}", array.data_type());
        Ok(Self { nulls: array.nulls(), read: read.ok_or_else(unsupported)? })
    }

    /// Returns a cell. `index` is less than the length of the array.
    pub(super) fn cell(&self, index: usize) -> ArrowCell<'a> {
        match self.nulls {
            Some(nulls) if nulls.is_null(index) => ArrowCell::Null,
            _ => (self.read)(index),
        }
    }
}

impl std::fmt::Debug for ArrowColumn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowColumn").finish_non_exhaustive()
    }
}

fn primitive<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    cell: impl Fn(T::Native) -> ArrowCell<'a> + 'a,
) -> Option<Read<'a>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(Box::new(move |index| cell(array.value(index))))
}

fn integer<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array) -> Option<Read<'_>> {
    primitive::<T>(array, |number| ArrowCell::Integer(number.into()))
}

fn scalar(array: &dyn Array) -> Option<Read<'_>> {
    use ArrowCell::{Bytes, Text};
    let decimal =
        |unscaled: Varint, scale: i8| ArrowCell::Decimal(Decimal::new(unscaled, scale.into()));
    Some(match array.data_type() {
        DataType::Null => Box::new(|_| ArrowCell::Null),
        DataType::Boolean => {
            let array = array.as_boolean_opt()?;
            Box::new(|index| ArrowCell::Boolean(array.value(index)))
        }
        DataType::Int8 => integer::<Int8Type>(array)?,
        DataType::Int16 => integer::<Int16Type>(array)?,
        DataType::Int32 => integer::<Int32Type>(array)?,
        DataType::Int64 => integer::<Int64Type>(array)?,
        DataType::UInt8 => integer::<UInt8Type>(array)?,
        DataType::UInt16 => integer::<UInt16Type>(array)?,
        DataType::UInt32 => integer::<UInt32Type>(array)?,
        DataType::UInt64 => integer::<UInt64Type>(array)?,
        DataType::Float16 => primitive::<Float16Type>(array, |n| ArrowCell::Float(n.to_f32()))?,
        DataType::Float32 => primitive::<Float32Type>(array, ArrowCell::Float)?,
        DataType::Float64 => primitive::<Float64Type>(array, ArrowCell::Double)?,
        &DataType::Decimal32(_, scale) => {
            primitive::<Decimal32Type>(array, move |n| decimal(n.into(), scale))?
        }
        &DataType::Decimal64(_, scale) => {
            primitive::<Decimal64Type>(array, move |n| decimal(n.into(), scale))?
        }
        &DataType::Decimal128(_, scale) => {
            primitive::<Decimal128Type>(array, move |n| decimal(n.into(), scale))?
        }
        &DataType::Decimal256(_, scale) => primitive::<Decimal256Type>(array, move |n| {
            decimal(Varint::from_bytes(&n.to_be_bytes()), scale)
        })?,
        DataType::Utf8 => {
            let array = array.as_string_opt::<i32>()?;
            Box::new(|index| Text(array.value(index)))
        }
        DataType::LargeUtf8 => {
            let array = array.as_string_opt::<i64>()?;
            Box::new(|index| Text(array.value(index)))
        }
        DataType::Utf8View => {
            let array = array.as_string_view_opt()?;
            Box::new(|index| Text(array.value(index)))
        }
        DataType::Binary => {
            let array = array.as_binary_opt::<i32>()?;
            Box::new(|index| Bytes(array.value(index)))
        }
        DataType::LargeBinary => {
            let array = array.as_binary_opt::<i64>()?;
            Box::new(|index| Bytes(array.value(index)))
        }
        DataType::BinaryView => {
            let array = array.as_binary_view_opt()?;
            Box::new(|index| Bytes(array.value(index)))
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary_opt()?;
            Box::new(|index| Bytes(array.value(index)))
        }
        _ => return None,
    })
}

fn temporal(array: &dyn Array) -> Option<Read<'_>> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let instant = |per_second: i64| {
        move |ticks: i64| ArrowCell::Timestamp { ticks: ticks.into(), per_second }
    };
    let time =
        |nanoseconds: i64| move |ticks: i64| ArrowCell::Time(ticks.saturating_mul(nanoseconds));
    let elapsed =
        |nanoseconds: i128| move |ticks: i64| interval(0, 0, i128::from(ticks) * nanoseconds);
    match array.data_type() {
        DataType::Date32 => primitive::<Date32Type>(array, |days| ArrowCell::Date(days.into())),
        DataType::Date64 => primitive::<Date64Type>(array, instant(1_000)),
        DataType::Timestamp(unit, _) => match unit {
            Second => primitive::<TimestampSecondType>(array, instant(1)),
            Millisecond => primitive::<TimestampMillisecondType>(array, instant(1_000)),
            Microsecond => primitive::<TimestampMicrosecondType>(array, instant(1_000_000)),
            Nanosecond => primitive::<TimestampNanosecondType>(array, instant(1_000_000_000)),
        },
        DataType::Time32(Second) => {
            primitive::<Time32SecondType>(array, move |ticks| time(1_000_000_000)(ticks.into()))
        }
        DataType::Time32(_) => {
            primitive::<Time32MillisecondType>(array, move |ticks| time(1_000_000)(ticks.into()))
        }
        DataType::Time64(Microsecond) => primitive::<Time64MicrosecondType>(array, time(1_000)),
        DataType::Time64(_) => primitive::<Time64NanosecondType>(array, time(1)),
        DataType::Duration(unit) => match unit {
            Second => primitive::<DurationSecondType>(array, elapsed(1_000_000_000)),
            Millisecond => primitive::<DurationMillisecondType>(array, elapsed(1_000_000)),
            Microsecond => primitive::<DurationMicrosecondType>(array, elapsed(1_000)),
            Nanosecond => primitive::<DurationNanosecondType>(array, elapsed(1)),
        },
        DataType::Interval(IntervalUnit::YearMonth) => {
            primitive::<IntervalYearMonthType>(array, |months| interval(months.into(), 0, 0))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            primitive::<IntervalDayTimeType>(array, |value| {
                interval(0, value.days.into(), i128::from(value.milliseconds) * 1_000_000)
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive::<IntervalMonthDayNanoType>(array, |value| {
                interval(value.months.into(), value.days.into(), value.nanoseconds.into())
            })
        }
        _ => None,
    }
}

const fn interval<'a>(months: i64, days: i64, nanoseconds: i128) -> ArrowCell<'a> {
    ArrowCell::Interval { months, days, nanoseconds }
}

fn twelve_bytes<'a>(array: &'a dyn Array, cell: fn([u8; 12]) -> ArrowCell<'a>) -> Option<Read<'a>> {
    let array = array.as_fixed_size_binary_opt().filter(|array| array.value_length() == 12)?;
    Some(Box::new(move |index| array.value(index).try_into().map_or(ArrowCell::Null, cell)))
}

/// Returns an interval of Parquet: months, days and milliseconds without signs.
fn parquet_interval<'a>(bytes: [u8; 12]) -> ArrowCell<'a> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
    let [months, days, millis] = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes);
    interval(months.into(), days.into(), i128::from(millis) * 1_000_000)
}

/// Returns a timestamp of 96 bits: the nanoseconds of a day, and the number of the Julian day.
fn int96<'a>(bytes: [u8; 12]) -> ArrowCell<'a> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
    let nanoseconds = i64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let days = i64::from(i32::from_le_bytes([i, j, k, l])) - JULIAN_DAY_OF_1970;
    let ticks = i128::from(days) * NANOSECONDS_A_DAY + i128::from(nanoseconds);
    ArrowCell::Timestamp { ticks, per_second: 1_000_000_000 }
}

const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const NANOSECONDS_A_DAY: i128 = 86_400_000_000_000;

/// Returns the cells of an array that has other arrays as children, or `None` if it has none.
fn nested<'a>(
    array: &'a dyn Array,
    leaves: &mut dyn Iterator<Item = LeafKind>,
) -> Result<Option<Read<'a>>, String> {
    match array.data_type() {
        DataType::List(_) => list::<i32>(array, leaves),
        DataType::LargeList(_) => list::<i64>(array, leaves),
        DataType::ListView(_) => list_view::<i32>(array, leaves),
        DataType::LargeListView(_) => list_view::<i64>(array, leaves),
        DataType::FixedSizeList(..) => {
            let Some(array) = array.as_fixed_size_list_opt() else { return Ok(None) };
            let column = Rc::new(ArrowColumn::new(array.values(), leaves)?);
            let size = usize::try_from(array.value_length()).unwrap_or_default();
            Ok(Some(Box::new(move |index| {
                let column = Rc::clone(&column);
                ArrowCell::List(Elements { column, range: index * size..(index + 1) * size })
            })))
        }
        DataType::Map(..) => {
            let Some(array) = array.as_map_opt() else { return Ok(None) };
            let keys = Rc::new(ArrowColumn::new(array.keys(), leaves)?);
            let values = Rc::new(ArrowColumn::new(array.values(), leaves)?);
            Ok(Some(Box::new(move |index| {
                let range = range(array.value_offsets(), index);
                ArrowCell::Map(
                    Elements { column: Rc::clone(&keys), range: range.clone() },
                    Elements { column: Rc::clone(&values), range },
                )
            })))
        }
        DataType::Struct(fields) => {
            let Some(array) = array.as_struct_opt() else { return Ok(None) };
            let names = fields.iter().map(|field| field.name().as_str());
            let columns = array.columns().iter().map(|column| ArrowColumn::new(column, leaves));
            let fields: Rc<[_]> = names
                .zip(columns)
                .map(|(name, column)| Ok((name, column?)))
                .collect::<Result<_, String>>()?;
            Ok(Some(Box::new(move |index| {
                ArrowCell::Struct(StructCell { fields: Rc::clone(&fields), index })
            })))
        }
        DataType::Dictionary(..) => {
            let Some(array) = array.as_any_dictionary_opt() else { return Ok(None) };
            let values = ArrowColumn::new(array.values(), leaves)?;
            if array.values().is_empty() {
                return Ok(Some(Box::new(|_| ArrowCell::Null)));
            }
            let keys = array.normalized_keys();
            Ok(Some(Box::new(move |index| {
                keys.get(index).map_or(ArrowCell::Null, |key| values.cell(*key))
            })))
        }
        _ => Ok(None),
    }
}

fn list<'a, O: OffsetSizeTrait>(
    array: &'a dyn Array,
    leaves: &mut dyn Iterator<Item = LeafKind>,
) -> Result<Option<Read<'a>>, String> {
    let Some(array) = array.as_list_opt::<O>() else { return Ok(None) };
    let column = Rc::new(ArrowColumn::new(array.values(), leaves)?);
    Ok(Some(Box::new(move |index| {
        let range = range(array.value_offsets(), index);
        ArrowCell::List(Elements { column: Rc::clone(&column), range })
    })))
}

fn list_view<'a, O: OffsetSizeTrait>(
    array: &'a dyn Array,
    leaves: &mut dyn Iterator<Item = LeafKind>,
) -> Result<Option<Read<'a>>, String> {
    let Some(array) = array.as_list_view_opt::<O>() else { return Ok(None) };
    let column = Rc::new(ArrowColumn::new(array.values(), leaves)?);
    Ok(Some(Box::new(move |index| {
        let start = array.value_offset(index).as_usize();
        let range = start..start + array.value_size(index).as_usize();
        ArrowCell::List(Elements { column: Rc::clone(&column), range })
    })))
}

/// Returns the range between two offsets.
fn range<O: OffsetSizeTrait>(offsets: &[O], index: usize) -> Range<usize> {
    let offset = |index: usize| offsets.get(index).map_or(0, |offset| offset.as_usize());
    offset(index)..offset(index + 1)
}

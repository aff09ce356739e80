//! The rows of `system.local`, `system.peers` and `system.peers_v2`.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use uuid::Uuid;

use super::system_tables::SystemRow;
use super::{Partitioner, Token};
use crate::types::{Cell, ColumnSpec, CqlType, FromCql, FromRow, Row, TypeError, ValueError};
use crate::wire::Reader;

/// A row of `system.local` or of a table of peers. A field is `None` if the table lacks the column, or if
/// its value is null or empty.
#[derive(Debug, Clone, Default)]
pub(super) struct NodeRow {
    pub(super) host_id: Option<Uuid>,
    pub(super) schema_version: Option<Uuid>,
    pub(super) datacenter: Option<String>,
    pub(super) rack: Option<String>,
    pub(super) release_version: Option<String>,
    pub(super) tokens: Option<TokenTexts>,
    pub(super) cluster_name: Option<String>,
    pub(super) partitioner: Option<String>,
    native_address: Option<IpAddr>,
    rpc_address: Option<IpAddr>,
    peer: Option<IpAddr>,
    broadcast_address: Option<IpAddr>,
    native_port: Option<i32>,
    rpc_port: Option<i32>,
}

impl NodeRow {
    /// Returns the address at which the node listens for clients. If that is unknown or unspecified
    /// (`0.0.0.0` or `::`), returns the address that other nodes use. Returns `None` if the row contains
    /// neither.
    pub(super) fn announced_address(&self, default_port: u16) -> Option<SocketAddr> {
        let is_specified = |address: &IpAddr| !address.is_unspecified();
        let client = self.native_address.or(self.rpc_address).filter(is_specified);
        let internal = self.peer.or(self.broadcast_address).filter(is_specified);
        let address = client.or(internal)?;
        let port = |port: Option<i32>| u16::try_from(port?).ok().filter(|port| *port != 0);
        let port = port(self.native_port).or_else(|| port(self.rpc_port));
        Some(SocketAddr::new(address, port.unwrap_or(default_port)))
    }

    /// Returns true if the row states the port at which the node listens for clients.
    pub(super) const fn has_port(&self) -> bool {
        self.native_port.is_some()
    }

    /// Returns true if the row of a peer has the columns that each node has. A removed node may leave a row
    /// behind that lacks some of them.
    pub(super) fn is_complete(&self) -> bool {
        self.host_id.is_some_and(|host_id| !host_id.is_nil())
            && self.datacenter.is_some()
            && self.rack.is_some()
            && self.tokens.is_some()
    }
}

impl SystemRow for NodeRow {
    /// The tokens refer to it.
    const KEEPS_PAGE: bool = true;

    fn memory(&self) -> usize {
        let texts = [
            &self.datacenter,
            &self.rack,
            &self.release_version,
            &self.cluster_name,
            &self.partitioner,
        ];
        texts.into_iter().flatten().map(String::len).sum::<usize>() + size_of::<Self>()
    }
}

/// A function that sets the field of a column to a value that is not empty.
type Setter = for<'r> fn(&mut NodeRow, Cell<'r>, &'r CqlType) -> Result<(), ValueError>;

impl<'r> FromRow<'r> for NodeRow {
    /// The setter of each column, or `None` for a column without a field.
    type Plan = Vec<Option<Setter>>;

    fn plan(columns: &[ColumnSpec]) -> Result<Self::Plan, TypeError> {
        Ok(columns.iter().map(setter).collect())
    }

    fn from_row(row: &mut Row<'r>, setters: &Self::Plan) -> Result<Self, ValueError> {
        let mut read = Self::default();
        for (column, setter) in row.columns().iter().zip(setters) {
            let cell = row.cell()?;
            if let (Some(setter), Some(cell)) = (setter, cell)
                && (!cell.bytes().is_empty() || column.cql_type.is_text())
            {
                setter(&mut read, cell, &column.cql_type)?;
            }
        }
        Ok(read)
    }
}

/// Returns the setter of a column, or `None` if no field has its name and its type.
fn setter(column: &ColumnSpec) -> Option<Setter> {
    macro_rules! setter {
        ($field:ident: $type:ty) => {{
            let setter: Setter = |row, cell, cql_type| {
                row.$field = Some(<$type>::from_cell(cell, cql_type)?.into());
                Ok(())
            };
            <$type as FromCql<'_>>::check(&column.cql_type).is_ok().then_some(setter)
        }};
    }
    match &*column.name {
        "host_id" => setter!(host_id: Uuid),
        "schema_version" => setter!(schema_version: Uuid),
        "data_center" => setter!(datacenter: &str),
        "rack" => setter!(rack: &str),
        "release_version" => setter!(release_version: &str),
        "cluster_name" => setter!(cluster_name: &str),
        "partitioner" => setter!(partitioner: &str),
        "native_address" => setter!(native_address: IpAddr),
        "rpc_address" => setter!(rpc_address: IpAddr),
        "peer" => setter!(peer: IpAddr),
        "broadcast_address" => setter!(broadcast_address: IpAddr),
        "native_port" => setter!(native_port: i32),
        "rpc_port" => setter!(rpc_port: i32),
        "tokens" => {
            let setter: Setter = |row, cell, _| {
                row.tokens = Some(TokenTexts::new(cell)?);
                Ok(())
            };
            let is_texts = matches!(
                &column.cql_type,
                CqlType::Set(element) | CqlType::List(element) if element.is_text()
            );
            is_texts.then_some(setter)
        }
        _ => None,
    }
}

/// The tokens of a node: a list of texts, as encoded in the page that contains it.
///
/// A large cluster has hundreds of thousands of tokens. They are parsed from the page, without a `String` for
/// each.
#[derive(Debug, Clone)]
pub(super) struct TokenTexts(Bytes);

impl TokenTexts {
    /// Returns the texts of a cell.
    ///
    /// # Errors
    /// Returns an error if the cell is not a list.
    fn new(cell: Cell<'_>) -> Result<Self, ValueError> {
        let texts = Self(cell.share());
        let mut reader = Reader::new(&texts.0);
        let count = reader.int("count").map_err(|_| ValueError::TooShort)?;
        for _ in 0..count {
            reader.bytes("element").map_err(|_| ValueError::TooShort)?;
        }
        match reader.is_empty() {
            true => Ok(texts),
            false => Err(ValueError::TooLong),
        }
    }

    /// Appends the tokens to `tokens`. Leaves out texts that are not tokens of the partitioner.
    pub(super) fn parse_into(&self, partitioner: Partitioner, tokens: &mut Vec<Token>) {
        let mut reader = Reader::new(&self.0);
        let _count = reader.int("count");
        while let Ok(text) = reader.bytes("element") {
            tokens.extend(text.and_then(|text| partitioner.parse_bytes(text)));
        }
    }
}

import com.datastax.oss.protocol.internal.PrimitiveCodec;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32;

/** A byte buffer, whose type the library leaves to its users. */
final class Buffer {
  private final byte[] bytes;
  private int mark;
  private int read;
  private int written;

  private Buffer(byte[] bytes, int written) {
    this.bytes = bytes;
    this.written = written;
  }

  static Buffer of(byte[] bytes) {
    return new Buffer(bytes, bytes.length);
  }

  static Buffer ofHex(String hex) {
    return of(HexFormat.of().parseHex(hex));
  }

  String toHex() {
    return HexFormat.of().formatHex(toBytes());
  }

  /** Returns the unread bytes. */
  byte[] toBytes() {
    return Arrays.copyOfRange(bytes, read, written);
  }

  /** Returns the next byte without consuming it. */
  byte peek() {
    return bytes[read];
  }

  private byte[] take(int length) {
    if (length < 0 || length > written - read) {
      throw new IllegalArgumentException("cannot read " + length + " bytes of " + (written - read));
    }
    read += length;
    return Arrays.copyOfRange(bytes, read - length, read);
  }

  private void put(byte[] more) {
    System.arraycopy(more, 0, bytes, written, more.length);
    written += more.length;
  }

  static final class Codec implements PrimitiveCodec<Buffer> {
    @Override
    public Buffer allocate(int size) {
      return new Buffer(new byte[size], 0);
    }

    @Override
    public void release(Buffer buffer) {}

    @Override
    public int sizeOf(Buffer buffer) {
      return buffer.written - buffer.read;
    }

    @Override
    public Buffer concat(Buffer left, Buffer right) {
      Buffer both = allocate(sizeOf(left) + sizeOf(right));
      both.put(left.toBytes());
      both.put(right.toBytes());
      return both;
    }

    @Override
    public void markReaderIndex(Buffer source) {
      source.mark = source.read;
    }

    @Override
    public void resetReaderIndex(Buffer source) {
      source.read = source.mark;
    }

    @Override
    public byte readByte(Buffer source) {
      return source.take(1)[0];
    }

    @Override
    public int readInt(Buffer source) {
      return ByteBuffer.wrap(source.take(4)).getInt();
    }

    @Override
    public int readInt(Buffer source, int offset) {
      return ByteBuffer.wrap(source.bytes).getInt(source.read + offset);
    }

    @Override
    public InetAddress readInetAddr(Buffer source) {
      try {
        return InetAddress.getByAddress(source.take(readByte(source)));
      } catch (UnknownHostException error) {
        throw new IllegalArgumentException(error);
      }
    }

    @Override
    public long readLong(Buffer source) {
      return ByteBuffer.wrap(source.take(8)).getLong();
    }

    @Override
    public int readUnsignedShort(Buffer source) {
      return ByteBuffer.wrap(source.take(2)).getShort() & 0xffff;
    }

    @Override
    public ByteBuffer readBytes(Buffer source) {
      int length = readInt(source);
      return length < 0 ? null : ByteBuffer.wrap(source.take(length));
    }

    @Override
    public byte[] readShortBytes(Buffer source) {
      return source.take(readUnsignedShort(source));
    }

    @Override
    public String readString(Buffer source) {
      return new String(source.take(readUnsignedShort(source)), StandardCharsets.UTF_8);
    }

    @Override
    public String readLongString(Buffer source) {
      return new String(source.take(readInt(source)), StandardCharsets.UTF_8);
    }

    @Override
    public Buffer readRetainedSlice(Buffer source, int length) {
      return of(source.take(length));
    }

    @Override
    public void updateCrc(Buffer source, CRC32 crc) {
      crc.update(source.toBytes());
    }

    @Override
    public void writeByte(byte value, Buffer target) {
      target.put(new byte[] {value});
    }

    @Override
    public void writeInt(int value, Buffer target) {
      target.put(ByteBuffer.allocate(4).putInt(value).array());
    }

    @Override
    public void writeInetAddr(InetAddress address, Buffer target) {
      byte[] bytes = address.getAddress();
      writeByte((byte) bytes.length, target);
      target.put(bytes);
    }

    @Override
    public void writeLong(long value, Buffer target) {
      target.put(ByteBuffer.allocate(8).putLong(value).array());
    }

    @Override
    public void writeUnsignedShort(int value, Buffer target) {
      target.put(ByteBuffer.allocate(2).putShort((short) value).array());
    }

    @Override
    public void writeString(String text, Buffer target) {
      writeShortBytes(text.getBytes(StandardCharsets.UTF_8), target);
    }

    @Override
    public void writeLongString(String text, Buffer target) {
      writeBytes(text.getBytes(StandardCharsets.UTF_8), target);
    }

    @Override
    public void writeBytes(ByteBuffer bytes, Buffer target) {
      byte[] array = null;
      if (bytes != null) {
        array = new byte[bytes.remaining()];
        bytes.duplicate().get(array);
      }
      writeBytes(array, target);
    }

    @Override
    public void writeBytes(byte[] bytes, Buffer target) {
      writeInt(bytes == null ? -1 : bytes.length, target);
      target.put(bytes == null ? new byte[0] : bytes);
    }

    @Override
    public void writeShortBytes(byte[] bytes, Buffer target) {
      writeUnsignedShort(bytes.length, target);
      target.put(bytes);
    }
  }
}

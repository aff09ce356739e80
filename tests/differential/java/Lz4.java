import com.datastax.oss.protocol.internal.Compressor;
import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Factory;

/** LZ4 in the format of the protocol: a big-endian length, then a raw block. */
final class Lz4 implements Compressor<Buffer> {
  private static final LZ4Factory FACTORY = LZ4Factory.safeInstance();

  @Override
  public String algorithm() {
    return "lz4";
  }

  @Override
  public Buffer compress(Buffer plain) {
    byte[] block = FACTORY.fastCompressor().compress(plain.toBytes());
    ByteBuffer all = ByteBuffer.allocate(4 + block.length);
    return Buffer.of(all.putInt(plain.toBytes().length).put(block).array());
  }

  @Override
  public Buffer decompress(Buffer compressed) {
    ByteBuffer all = ByteBuffer.wrap(compressed.toBytes());
    byte[] block = new byte[all.remaining() - 4];
    int length = all.getInt();
    all.get(block);
    return decompressWithoutLength(Buffer.of(block), length);
  }

  @Override
  public Buffer compressWithoutLength(Buffer plain) {
    return Buffer.of(FACTORY.fastCompressor().compress(plain.toBytes()));
  }

  @Override
  public Buffer decompressWithoutLength(Buffer compressed, int length) {
    byte[] plain = new byte[length];
    int written = FACTORY.safeDecompressor().decompress(compressed.toBytes(), plain);
    if (written != length) {
      throw new IllegalArgumentException("decompressed to " + written + " bytes, not " + length);
    }
    return Buffer.of(plain);
  }
}

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Made kafka-messages.txt: for every call and version of the table a least and a full request as Kafka's own classes
 * write them, and the types of the response's fields in order.
 *   java -cp '../shared/kafka/libs/*' KafkaMessages.java > kafka-messages.txt
 */
public class KafkaMessages {
    static final int[][] CALLS = {
        {0, 3, 9}, {1, 4, 13}, {2, 1, 7}, {3, 0, 12}, {8, 2, 8}, {9, 1, 9}, {10, 0, 5}, {11, 0, 9}, {12, 0, 4}, {13, 0, 5}, {14, 0, 5},
        {15, 0, 5}, {16, 0, 5}, {17, 0, 1}, {18, 0, 3}, {19, 2, 7}, {20, 1, 6}, {21, 0, 2}, {22, 0, 4}, {23, 2, 4}, {24, 0, 3},
        {25, 0, 3}, {26, 0, 3}, {28, 0, 3}, {32, 1, 4}, {36, 0, 2}, {37, 0, 3}, {42, 0, 2}, {44, 0, 1}, {60, 0, 1}, {61, 0, 0},
        {65, 0, 0}, {66, 0, 1}};

    static int number;

    public static void main(String[] args) {
        for (int[] call : CALLS) {
            ApiMessageType type = ApiMessageType.fromApiKey((short) call[0]);
            for (int version = call[1]; version <= call[2]; version++) {
                Schema request = type.requestSchemas()[version];
                for (boolean full : new boolean[] {false, true}) {
                    number = 0;
                    Object value = value(request, full);
                    ByteBuffer bytes = ByteBuffer.allocate(request.sizeOf(value));
                    request.write(bytes, value);
                    bytes.flip();
                    System.out.println("request " + call[0] + " " + version + " " + (full ? "full" : "least") + " " + hex(bytes));
                }
                System.out.println("response " + call[0] + " " + version + " " + shape(type.responseSchemas()[version]));
            }
        }
    }

    static Object value(Type type, boolean full) {
        if (type instanceof Schema schema) {
            Struct struct = new Struct(schema);
            for (BoundField field : schema.fields())
                struct.set(field, value(field.def.type, full));
            return struct;
        }
        if (type.isArray()) {
            Object[] elements = new Object[full ? 2 : 0];
            for (int i = 0; i < elements.length; i++)
                elements[i] = value(type.arrayElementType().get(), full);
            return elements;
        }
        if (type instanceof TaggedFields) {
            Map<Integer, Object> tags = new TreeMap<>();
            if (full)
                tags.put(100, new RawTaggedField(100, new byte[] {9, 9}));
            return tags;
        }
        number++;
        String name = type.toString().replace("COMPACT_", "");
        return switch (name) {
            case "BOOLEAN" -> full;
            case "INT8" -> (byte) (full ? 1 : 0);
            case "INT16" -> (short) (full ? 1 : 0);
            case "INT32" -> full ? number % 5 : 0;
            case "INT64" -> full ? (long) number : 0L;
            case "UUID" -> full ? new Uuid(5, number) : Uuid.ZERO_UUID;
            case "STRING" -> full ? "name-" + number : "";
            case "NULLABLE_STRING" -> full ? "n-" + number : null;
            case "BYTES" -> ByteBuffer.wrap(full ? new byte[] {1, 2, 3} : new byte[0]);
            case "NULLABLE_BYTES" -> full ? ByteBuffer.wrap(new byte[] {1, 2, 3}) : null;
            case "RECORDS", "NULLABLE_RECORDS" -> full ? MemoryRecords.readableRecords(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5})) : null;
            default -> throw new IllegalArgumentException(name);
        };
    }

    static String shape(Type type) {
        if (type instanceof Schema schema) {
            StringBuilder fields = new StringBuilder();
            for (BoundField field : schema.fields())
                fields.append(shape(field.def.type)).append(' ');
            return fields.toString().trim();
        }
        if (type.isArray()) {
            boolean compact = type.toString().startsWith("COMPACT");
            return (compact ? "C" : "") + (type.isNullable() ? "?" : "") + "[ " + shape(type.arrayElementType().get()) + " ]";
        }
        return type instanceof TaggedFields ? "TAGS" : type.toString();
    }

    static String hex(ByteBuffer bytes) {
        StringBuilder text = new StringBuilder();
        while (bytes.hasRemaining())
            text.append(String.format("%02x", bytes.get() & 255));
        return text.toString();
    }
}

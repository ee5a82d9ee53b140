using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Metering.ClickHouse.Http;

/// <summary>
/// What clickhouse-go asks before anything else, decoding the answer as Native of the revision that it speaks itself.
/// The engine writes Native of revision 0, so the answer is made by hand in the newer form, and says revision 0: every
/// later block is then read as the engine writes it.
/// </summary>
internal static partial class FirstQuestion
{
    public static bool IsAsked(string sql) => Question().IsMatch(sql);

    public static ReadOnlyMemory<byte> Answer(ServerIdentity identity)
    {
        var output = new ArrayBufferWriter<byte>();
        // Block info of newer revisions: is_overflows = 0, bucket_num = -1, end.
        output.Write((byte[])[1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
        output.Write((byte[])[4, 1]); // columns, rows
        Column(output, "displayName()", "String", Text(ServerIdentity.DisplayName));
        Column(output, "version()", "String", Text(identity.Version));
        Column(output, "revision()", "UInt32", [0, 0, 0, 0]);
        Column(output, "timezone()", "String", Text(identity.TimeZone));
        return output.WrittenMemory;
    }

    private static void Column(ArrayBufferWriter<byte> output, string name, string type, byte[] value)
    {
        output.Write(Text(name));
        output.Write(Text(type));
        output.Write((byte[])[0]); // no custom serialization (revision 54454 and later)
        output.Write(value);
    }

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

    [GeneratedRegex(@"^\s*SELECT\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*;?\s*$", RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Question();
}

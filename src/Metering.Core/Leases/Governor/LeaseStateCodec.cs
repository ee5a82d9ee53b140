using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Leases.Governor;

/// <summary>
/// The governor's state as changelog records: absolute values by key (R9). Key: 'L', then the kind: 'c' the clock, 'w' a window of an
/// account, 'l' a lease, 's' a safe share. Values: a version byte, then 8-byte little-endian numbers and texts with their length.
/// </summary>
internal static class LeaseStateCodec
{
    public const byte KeyTag = (byte)'L';
    public const byte ClockKind = (byte)'c', WindowKind = (byte)'w', LeaseKind = (byte)'l', SeatKind = (byte)'s';
    public const long Recalled = 1, Closed = 2;
    private const byte Version = 1;

    public static void WriteClockKey(IBufferWriter<byte> output) => output.Write([KeyTag, ClockKind]);

    public static void WriteKey(IBufferWriter<byte> output, AccountWindow window)
    {
        output.Write([KeyTag, WindowKind]);
        Put(output, window.Account);
        Put(output, window.Window.Id);
    }

    public static void WriteKey(IBufferWriter<byte> output, GovernedLease lease)
    {
        output.Write([KeyTag, LeaseKind]);
        Put(output, lease.Id);
    }

    public static void WriteKey(IBufferWriter<byte> output, SafeShareSeat seat)
    {
        output.Write([KeyTag, SeatKind]);
        Put(output, seat.Id);
    }

    public static void WriteClock(IBufferWriter<byte> output, long nowMicros, long lastVersion)
    {
        output.Write([Version]);
        Put(output, nowMicros);
        Put(output, lastVersion);
    }

    public static void WriteValue(IBufferWriter<byte> output, AccountWindow window)
    {
        output.Write([Version]);
        Put(output, window.Window.EndMicros);
        Put(output, window.Settled);
        Put(output, window.Unleased);
        Put(output, window.WrittenOff);
    }

    public static void WriteValue(IBufferWriter<byte> output, GovernedLease lease)
    {
        output.Write([Version]);
        Put(output, lease.Window.Account);
        Put(output, lease.Window.Window.Id);
        Put(output, lease.Window.Window.EndMicros);
        Put(output, lease.Gateway);
        Put(output, lease.Policy);
        Put(output, lease.Granted);
        Put(output, lease.Spent);
        Put(output, lease.Returned);
        Put(output, lease.Debt);
        Put(output, lease.Version);
        Put(output, lease.Answers);
        Put(output, lease.ExpiresAtMicros);
        Put(output, lease.TtlMs);
        Put(output, (lease.IsRecalled ? Recalled : 0) | (lease.IsClosed ? Closed : 0));
        Put(output, lease.Metered);
    }

    public static void WriteValue(IBufferWriter<byte> output, SafeShareSeat seat)
    {
        output.Write([Version]);
        Put(output, seat.Account);
        Put(output, seat.Gateway);
        Put(output, seat.Policy);
        Put(output, seat.Amount);
        Put(output, seat.FromWindowId);
        Put(output, seat.UntilMicros);
        Put(output, seat.Version);
        Put(output, seat.Debt);
    }

    /// <exception cref="InvalidDataException">The value is not one of ours, or damaged.</exception>
    public static ReadOnlySpan<byte> BeginValue(ReadOnlySpan<byte> value) =>
        value.Length > 0 && value[0] == Version ? value[1..] : throw new InvalidDataException($"not a lease state of version {Version}: a value of {value.Length} bytes");

    public static AccountKey TakeAccount(ref ReadOnlySpan<byte> rest)
    {
        var scope = TakeText(ref rest);
        var (unit, per, zone) = (TakeInt64(ref rest), TakeInt64(ref rest), TakeText(ref rest));
        if (!Enum.IsDefined((LimitUnit)unit) || !Enum.IsDefined((LimitPeriod)per))
            throw new InvalidDataException($"a damaged lease state: unit {unit}, period {per}");
        return new AccountKey(scope, (LimitUnit)unit, (LimitPeriod)per, zone.Length == 0 ? null : zone);
    }

    public static long TakeInt64(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < 8)
            throw new InvalidDataException("a damaged lease state: it ends early");
        var value = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[8..];
        return value;
    }

    public static string TakeText(ref ReadOnlySpan<byte> rest)
    {
        var length = TakeInt64(ref rest);
        if (length < 0 || length > rest.Length)
            throw new InvalidDataException($"a damaged lease state: a text of {length} bytes, {rest.Length} left");
        var text = Encoding.UTF8.GetString(rest[..(int)length]);
        rest = rest[(int)length..];
        return text;
    }

    private static void Put(IBufferWriter<byte> output, in AccountKey account)
    {
        Put(output, account.Scope);
        Put(output, (long)account.Unit);
        Put(output, (long)account.Per);
        Put(output, account.TimeZone ?? "");
    }

    private static void Put(IBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    private static void Put(IBufferWriter<byte> output, string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Put(output, length);
        output.Advance(Encoding.UTF8.GetBytes(text, output.GetSpan(length)));
    }
}

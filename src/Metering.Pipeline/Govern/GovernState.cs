using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Metering.Core.Policies;
using Metering.Core.Rates;
using Metering.Core.Usage;
using Metering.Core.Windows;

namespace Metering.Pipeline.Govern;

/// <summary>
/// GOVERN's changelog: absolute values by key (R9). A key begins with its kind: <c>s</c> and <c>m</c> a rate's second or minute
/// by its slot, <c>f</c> a fixed window's account, <c>r</c> a rolling account's part by its slot, <c>d</c> a published decision,
/// <c>n</c> the newest moment (R27), the
/// governor's epoch and its last version (R24).
/// </summary>
internal sealed class GovernState
{
    public const byte Second = (byte)'s', Minute = (byte)'m', FixedAccount = (byte)'f', RollingPart = (byte)'r', Decision = (byte)'d', Now = (byte)'n';

    private const int SumsBytes = 8 * sizeof(long);

    private readonly ArrayBufferWriter<byte> _key = new();
    private readonly byte[] _value = new byte[sizeof(long) + SumsBytes];

    public delegate void Save(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    public void SaveChanged(byte kind, ReadOnlySpan<byte> scope, RateCells cells, Save save)
    {
        for (var i = 0; i < cells.Count; i++)
        {
            ref var cell = ref cells[i];
            if (!cell.IsChanged)
                continue;
            cell.IsChanged = false;
            save(CellKey(kind, (int)(cell.Time % cells.Units), scope).Span, Value(cell.Time, cell.Sums));
        }
    }

    public void SaveChanged(ScopeState scope, SoftAccountKey key, Save save)
    {
        var account = scope.Accounts[key];
        if (!account.IsChanged)
            return;
        account.IsChanged = false;
        if (account.Cells is not { } cells)
        {
            var (window, used) = account.Fixed;
            save(AccountKey(FixedAccount, 0, key, scope.Name).Span, Value(window, used));
            return;
        }
        for (var i = 0; i < cells.Count; i++)
        {
            ref var cell = ref cells[i];
            if (!cell.IsChanged)
                continue;
            cell.IsChanged = false;
            save(AccountKey(RollingPart, (int)(cell.Time % cells.Units), key, scope.Name).Span, Value(cell.Time, cell.Sums));
        }
    }

    /// <summary>Tombstones for all that may be saved of a scope.</summary>
    public void Forget(ScopeState scope, Save save)
    {
        ForgetCells(scope.Rates.BySecond, slot => CellKey(Second, slot, scope.Name), save);
        ForgetCells(scope.Rates.ByMinute, slot => CellKey(Minute, slot, scope.Name), save);
        foreach (var (key, account) in scope.Accounts)
        {
            if (account.Cells is { } cells)
                ForgetCells(cells, slot => AccountKey(RollingPart, slot, key, scope.Name), save);
            else
                save(AccountKey(FixedAccount, 0, key, scope.Name).Span, []);
        }
    }

    public void SaveNow(long nowMicros, long epoch, long version, Save save)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_value, nowMicros);
        BinaryPrimitives.WriteInt64LittleEndian(_value.AsSpan(8), epoch);
        BinaryPrimitives.WriteInt64LittleEndian(_value.AsSpan(16), version);
        save([Now], _value.AsSpan(0, 24));
    }

    public static (long NowMicros, long Epoch, long Version) ReadNow(ReadOnlySpan<byte> value) =>
        (BinaryPrimitives.ReadInt64LittleEndian(value), BinaryPrimitives.ReadInt64LittleEndian(value[8..]), BinaryPrimitives.ReadInt64LittleEndian(value[16..]));

    /// <summary>The scope of a cell's or an account's key.</summary>
    public static ReadOnlySpan<byte> ScopeOf(ReadOnlySpan<byte> key, out SoftAccountKey account)
    {
        account = default;
        if (key[0] is Second or Minute)
            return key[2..];
        var zoneBytes = key[4];
        account = new((LimitPeriod)key[2], key[3] != 0, Encoding.UTF8.GetString(key.Slice(5, zoneBytes)));
        return key[(5 + zoneBytes)..];
    }

    public static (long Time, UsageSums Sums) ReadValue(ReadOnlySpan<byte> value)
    {
        if (value.Length != sizeof(long) + SumsBytes)
            throw new InvalidDataException($"GOVERN's changelog holds sums of {value.Length} bytes: it was written by another version or another program");
        return (Take(ref value), new UsageSums(Take(ref value), Take(ref value), Take(ref value), Take(ref value), Take(ref value), Take(ref value), Take(ref value), Take(ref value)));
    }

    private static void ForgetCells(RateCells cells, Func<int, ReadOnlyMemory<byte>> keyOf, Save save)
    {
        for (var slot = 0; slot < cells.Units; slot++)
        {
            if ((cells.UsedSlots >> slot & 1) != 0)
                save(keyOf(slot).Span, []);
        }
    }

    private ReadOnlyMemory<byte> CellKey(byte kind, int slot, ReadOnlySpan<byte> scope)
    {
        _key.ResetWrittenCount();
        _key.Write([kind, (byte)slot]);
        _key.Write(scope);
        return _key.WrittenMemory;
    }

    private ReadOnlyMemory<byte> AccountKey(byte kind, int slot, SoftAccountKey account, ReadOnlySpan<byte> scope)
    {
        var zone = Encoding.UTF8.GetBytes(account.TimeZone);
        _key.ResetWrittenCount();
        _key.Write([kind, (byte)slot, (byte)account.Per, account.Rolling ? (byte)1 : (byte)0, (byte)zone.Length]);
        _key.Write(zone);
        _key.Write(scope);
        return _key.WrittenMemory;
    }

    private ReadOnlySpan<byte> Value(long time, in UsageSums sums)
    {
        var rest = _value.AsSpan();
        foreach (var number in (ReadOnlySpan<long>)[time, sums.Requests, sums.InputTokens, sums.CachedInputTokens, sums.CacheWriteTokens, sums.OutputTokens, sums.ReasoningTokens, sums.CostPicoUsd, sums.Unpriced])
        {
            BinaryPrimitives.WriteInt64LittleEndian(rest, number);
            rest = rest[8..];
        }
        return _value;
    }

    private static long Take(ref ReadOnlySpan<byte> rest)
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[8..];
        return value;
    }
}

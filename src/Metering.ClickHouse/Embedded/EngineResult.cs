using System.Runtime.InteropServices;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Embedded;

/// <summary>A result handle of the engine, without an error in it. Whoever got it destroys it once.</summary>
internal readonly unsafe record struct EngineResult(nint Handle)
{
    /// <summary>Takes a handle that a call returned.</summary>
    /// <exception cref="LedgerException">The handle bears an error; it is destroyed.</exception>
    public static EngineResult Check(nint handle)
    {
        if (handle == 0)
            throw new LedgerException("The embedded ClickHouse returned nothing: its connection is closed.", isTransient: true);
        if (Marshal.PtrToStringUTF8((nint)Chdb.ResultError(handle)) is not { } error)
            return new EngineResult(handle);
        Chdb.ResultDestroy(handle);
        throw ClickHouseErrors.FromText(error);
    }

    public byte* Bytes => Chdb.ResultBuffer(Handle);

    public long Length => checked((long)Chdb.ResultLength(Handle));

    public StatementSummary Summary => new(
        checked((long)Chdb.ResultRowsRead(Handle)), checked((long)Chdb.ResultBytesRead(Handle)),
        checked((long)Chdb.ResultRowsWritten(Handle)), checked((long)Chdb.ResultBytesWritten(Handle)));

    public void Destroy() => Chdb.ResultDestroy(Handle);
}
